"""OpenAI's responses as the arguments of OpenAI's chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.lm.dialects.json_bodies import mapping, objects, text
from pytest_lmopt.lm.dialects.protocol import Body
from pytest_lmopt.lm.dialects.rendering import content_text

_SAME = ("temperature", "top_p", "parallel_tool_calls", "top_logprobs")
_STATE = ("previous_response_id", "conversation", "prompt")


def as_chat(body: Body) -> dict[str, Any]:
    """Translate a body; what a model thought before is left out.

    Raises ``ValueError`` for a tool that the provider itself runs, and for a conversation that
    only the provider holds.
    """
    held = next((name for name in _STATE if body.get(name)), None)
    if held is not None:
        raise ValueError(f"{held} is kept by the provider: another model has no access to it")
    found = {name: body[name] for name in _SAME if body.get(name) is not None}
    if body.get("max_output_tokens") is not None:
        found["max_tokens"] = body["max_output_tokens"]
    if effort := mapping(body.get("reasoning")).get("effort"):
        found["reasoning_effort"] = effort
    if tools := [_tool(each) for each in objects(body.get("tools"))]:
        found["tools"] = tools
    choice = body.get("tool_choice")
    if isinstance(choice, str):
        found["tool_choice"] = choice
    elif mapping(choice).get("type") == "function":
        named = {"name": mapping(choice).get("name")}
        found["tool_choice"] = {"type": "function", "function": named}
    if wanted := _format(mapping(mapping(body.get("text")).get("format"))):
        found["response_format"] = wanted
    return {"messages": _messages(body), **found}


def _messages(body: Body) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if body.get("instructions"):
        found.append({"role": "system", "content": content_text(body["instructions"])})
    given = body.get("input")
    if isinstance(given, str):
        return [*found, {"role": "user", "content": given}]
    for item in objects(given):
        for message in _message(item):
            last = found[-1] if found else {}
            if "tool_calls" in message and last.get("role") == "assistant":
                last["tool_calls"] = [*last.get("tool_calls", []), *message["tool_calls"]]
            else:
                found.append(message)
    return found


def _message(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind = text(item.get("type")) or "message"
    if kind == "message":
        role = text(item.get("role")) or "user"
        role = "system" if role == "developer" else role
        yield {"role": role, "content": _content(item.get("content"), role)}
    elif kind in ("function_call", "custom_tool_call"):
        arguments = text(item.get("arguments")) or text(item.get("input"))
        function = {"name": text(item.get("name")), "arguments": arguments}
        call = {"id": text(item.get("call_id")), "type": "function", "function": function}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
    elif kind in ("function_call_output", "custom_tool_call_output"):
        said = content_text(item.get("output"))
        yield {"role": "tool", "tool_call_id": text(item.get("call_id")), "content": said}
    elif kind != "reasoning":
        raise ValueError(f"{kind} is the provider's own: another model has nothing like it")


def _content(content: object, role: str) -> object:
    parts = objects(content)
    if role == "assistant" or not any(each.get("type") == "input_image" for each in parts):
        return content_text(content)
    return [_part(part) for part in parts]


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    if part.get("type") != "input_image":
        return {"type": "text", "text": content_text([part])}
    if not isinstance(part.get("image_url"), str):
        raise ValueError("an image by file_id is kept by the provider: expected image_url")
    detail = {"detail": part["detail"]} if part.get("detail") else {}
    return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        kind = tool.get("type")
        raise ValueError(f"the tool {kind} is the provider's own: another model has none like it")
    named = ("name", "description", "parameters", "strict")
    function = {name: tool[name] for name in named if tool.get(name) is not None}
    return {"type": "function", "function": function}


def _format(given: Mapping[str, Any]) -> dict[str, Any] | None:
    if given.get("type") == "json_schema":
        named = ("name", "description", "schema", "strict")
        schema = {name: given[name] for name in named if given.get(name) is not None}
        return {"type": "json_schema", "json_schema": schema}
    return {"type": "json_object"} if given.get("type") == "json_object" else None
