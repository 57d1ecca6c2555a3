"""Anthropic's messages as the arguments of OpenAI's chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.lm.dialects.json_bodies import compact, mapping, objects, text
from pytest_lmopt.lm.dialects.protocol import Body
from pytest_lmopt.lm.dialects.rendering import content_text

_SAME = ("max_tokens", "temperature", "top_p", "top_k")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def as_chat(body: Body) -> dict[str, Any]:
    """Translate a body; what a model thought before is left out.

    Raises ``ValueError`` for a tool that the provider itself runs.
    """
    messages = (
        [{"role": "system", "content": content_text(body["system"])}]
        if (body.get("system"))
        else []
    )
    for message in objects(body.get("messages")):
        messages.extend(_messages(message))
    found = {name: body[name] for name in _SAME if body.get(name) is not None}
    if body.get("stop_sequences"):
        found["stop"] = body["stop_sequences"]
    if tools := [_tool(each) for each in objects(body.get("tools"))]:
        found["tools"] = tools
    choice = mapping(body.get("tool_choice"))
    if choice.get("type") == "tool":
        found["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif text(choice.get("type")) in _CHOICES:
        found["tool_choice"] = _CHOICES[choice["type"]]
    if choice.get("disable_parallel_tool_use"):
        found["parallel_tool_calls"] = False
    given = body.get("output_format") or mapping(body.get("output_config")).get("format")
    schema = mapping(given).get("schema")
    if schema is not None:
        named = {"name": "answer", "schema": schema, "strict": True}
        found["response_format"] = {"type": "json_schema", "json_schema": named}
    return {"messages": messages, **found}


def _messages(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    role, content = text(message.get("role")) or "user", message.get("content")
    if not isinstance(content, list):
        yield {"role": role, "content": text(content)}
        return
    blocks = objects(content)
    for block in blocks:
        if block.get("type") == "tool_result":
            yield {
                "role": "tool",
                "tool_call_id": text(block.get("tool_use_id")),
                "content": content_text(block.get("content")),
            }
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    said = [part for block in blocks for part in _part(block)]
    if role == "assistant":
        words = "".join(text(part.get("text")) for part in said)
        yield {
            "role": role,
            "content": words or (None if calls else ""),
            **({"tool_calls": calls} if calls else {}),
        }
    elif all(part["type"] == "text" for part in said):
        if said:
            yield {"role": role, "content": "\n".join(part["text"] for part in said)}
    else:
        yield {"role": role, "content": said}


def _part(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind, source = block.get("type"), mapping(block.get("source"))
    if kind == "text":
        yield {"type": "text", "text": text(block.get("text"))}
    elif kind == "image" and source.get("type") in ("base64", "url"):
        data = f"data:{source.get('media_type')};base64,{source.get('data')}"
        url = source.get("url") if source["type"] == "url" else data
        yield {"type": "image_url", "image_url": {"url": url}}
    elif kind in ("document", "search_result"):
        yield {"type": "text", "text": content_text([block])}


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    arguments = compact(block.get("input") or {})
    function = {"name": text(block.get("name")), "arguments": arguments}
    return {"id": text(block.get("id")), "type": "function", "function": function}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    kind = text(tool.get("type"))
    if kind and kind != "custom":
        raise ValueError(f"the tool {kind} is the provider's own: another model has none like it")
    function = {"name": tool.get("name"), "parameters": tool.get("input_schema") or {}}
    if tool.get("description"):
        function["description"] = tool["description"]
    return {"type": "function", "function": function}
