"""Streams of Anthropic's messages, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lmopt.lm.dialects.json_bodies import CUT, event_objects, json_object, mapping, text
from pytest_lmopt.lm.dialects.protocol import HttpResponse

_TEXTS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


def assembled(response: HttpResponse) -> dict[str, Any]:
    """Put a stream together as the message that it would have been in one piece.

    Raises ``ValueError`` where it was cut.
    """
    whole: dict[str, Any] = {"usage": {}}
    blocks: dict[str, dict[str, Any]] = {}
    done = False
    for _, event in event_objects(response):
        kind = event.get("type")
        if kind == "message_start":
            whole |= mapping(event.get("message"))
            whole["usage"] = dict(mapping(whole.get("usage")))
        elif kind == "content_block_start":
            blocks[str(event.get("index"))] = {**mapping(event.get("content_block"))}
        elif kind == "content_block_delta":
            _add(blocks.setdefault(str(event.get("index")), {}), mapping(event.get("delta")))
        elif kind == "message_delta":
            whole |= mapping(event.get("delta"))
            usage = mapping(event.get("usage"))
            whole["usage"] |= {name: n for name, n in usage.items() if n is not None}
        elif kind == "message_stop":
            done = True
    if not done:
        raise ValueError(CUT)
    whole["content"] = [_with_input(block) for block in blocks.values()]
    return whole


def _add(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    name = _TEXTS.get(text(delta.get("type")))
    if name:
        block[name] = text(block.get(name)) + text(delta.get(name))


def _with_input(block: dict[str, Any]) -> dict[str, Any]:
    """Parse a tool's input; what is not whole stays text."""
    spelt = block.pop("partial_json", "")
    if spelt:
        found = json_object(spelt)
        block["input"] = spelt if found is None else found
    return block
