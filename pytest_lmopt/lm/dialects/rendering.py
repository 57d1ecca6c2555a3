"""Requests as text messages, and the most tokens of what the text leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.lm.dialects.json_bodies import mapping, objects, text
from pytest_lmopt.wire import TOOLS, Message, Request

_TEXTS = ("text", "refusal", "thinking", "input_text", "output_text")
_CALL_TYPES = ("tool_use", "server_tool_use", "mcp_tool_use")


def tools_first(body: Mapping[str, Any], names: Sequence[str]) -> list[Message]:
    """Render the fields for tools and formats as one message; none where all are empty."""
    besides = {name: body[name] for name in names if body.get(name)}
    return [Message(TOOLS, canonical_json(besides))] if besides else []


def text_of(message: Mapping[str, Any]) -> str:
    """Render a chat message: its texts, the kind of other parts, tool calls as JSON lines."""
    calls = [message[name] for name in ("tool_calls", "function_call") if message.get(name)]
    lines = [content_text(message.get("content")), *(canonical_json(call) for call in calls)]
    return "\n".join(lines)


def content_text(content: object) -> str:
    """Render content, be it text or parts, one a line."""
    parts = content if isinstance(content, list) else [content or ""]
    return "\n".join(_part_text(part) for part in parts)


def inner_parts(content: object) -> Iterator[Mapping[str, Any]]:
    """Iterate over the parts of content, and of what these hold."""
    for part in objects(content):
        yield part
        yield from inner_parts(part.get("content"))
        yield from inner_parts(mapping(part.get("source")).get("content"))


def input_bound(messages: Iterable[Message], besides: Iterable[int | None]) -> int | None:
    """Add up the most tokens of an input; None where a part has only the model's own limit."""
    total = Request(model="", messages=tuple(messages)).input_bound
    for tokens in besides:
        if tokens is None:
            return None
        total += tokens
    return total


def size(value: object) -> int:
    """Count the bytes of a value as JSON: its tokens are not more."""
    return len(canonical_json(value).encode("utf-8", "surrogatepass"))


def size_without(fields: Mapping[str, Any], names: Iterable[str]) -> int:
    """Count the bytes of the fields that are not among ``names``."""
    rest = {name: value for name, value in fields.items() if name not in names}
    return size(rest) if rest else 0


def nested_size(body: Mapping[str, Any], names: Iterable[str]) -> int:
    """Count the bytes of the objects and lists that are not among ``names``.

    Some servers add such fields to the prompt; plain ones, such as a temperature, are not read.
    """
    nested = {name: value for name, value in body.items() if isinstance(value, Mapping | list)}
    return size_without(nested, names)


def whole_number(value: object) -> int | None:
    """Read a limit as providers do: ``100``, ``100.0`` or ``"100"``; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
        return number if number > 0 and float(value) == number else None
    except (ValueError, OverflowError):
        return None


def _part_text(part: object) -> str:
    if not isinstance(part, Mapping):
        return part if isinstance(part, str) else canonical_json(part)
    said = next((part[name] for name in _TEXTS if text(part.get(name))), None)
    if said is not None:
        return str(said)
    if part.get("type") in _CALL_TYPES:
        return canonical_json(part)
    source = mapping(part.get("source"))
    if source.get("type") == "text":
        return text(source.get("data"))
    inner = part.get("content") or source.get("content")
    if inner is not None and inner != "":
        return content_text(inner)
    return f"[{part.get('type')}]"
