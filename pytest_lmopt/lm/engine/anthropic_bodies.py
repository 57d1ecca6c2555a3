"""Bodies in Anthropic's protocol, worded as litellm words them for the arguments of a chat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_lmopt.lm.engine.chat_bodies import ChatMessages, Params, is_simple_schema
from pytest_lmopt.lm.money.price_table import table_entry

STRUCTURED = ("anthropic-beta", "structured-outputs-2025-11-13")
"""The header that a body with ``output_format`` needs."""

_PARAMS = frozenset(
    (
        *("max_tokens", "temperature", "top_p", "top_k", "stop", "n", "tools", "tool_choice"),
        *("parallel_tool_calls", "response_format", "reasoning_effort"),
    )
)
_SAMPLING = ("temperature", "top_p", "top_k")
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 2048, "high": 4096}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_IMAGE = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,(.+)", re.DOTALL)
_KEPT = ("properties", "required", "additionalProperties")
"""What litellm keeps of a tool's schema, beside its type."""


def anthropic_body(name: str, messages: ChatMessages, params: Params) -> dict[str, Any] | None:
    """Word a request; None for what is left to litellm, such as models that its table lacks."""
    params = {name: value for name, value in params.items() if value is not None}
    entry = table_entry(name)
    if entry.get("litellm_provider") != "anthropic" or entry.get("mode") != "chat":
        return None
    if not params.keys() <= _PARAMS or not isinstance(params.get("max_tokens"), int):
        return None
    said = _conversation(messages)
    given = [_sampling(entry, params), _tools(entry, params), _format(entry, params)]
    given.append(_thinking(entry, params))
    if said is None or None in given:
        return None
    body = {"model": name, "max_tokens": params["max_tokens"], **said}
    if "stop" in params:
        stop = params["stop"]
        body["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
        if not body["stop_sequences"]:
            return None
    for part in given:
        body.update(part or {})
    return body


def _conversation(messages: ChatMessages) -> dict[str, Any] | None:
    """Hoist the system messages that come first, and merge neighbours of one role."""
    count = next((i for i, each in enumerate(messages) if each.get("role") != "system"), None)
    if count is None:
        return None
    system, rest = messages[:count], messages[count:]
    merged: list[dict[str, Any]] = []
    for message in rest:
        if message.keys() != {"role", "content"} or message["role"] not in ("user", "assistant"):
            return None
        blocks = _blocks(message)
        if blocks is None:
            return None
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1]["content"] += blocks
        else:
            merged.append({"role": message["role"], "content": blocks})
    last = merged[-1]
    if last["role"] == "assistant":  # the provider refuses white space at its end
        last["content"][-1]["text"] = last["content"][-1]["text"].rstrip()
    if any(not isinstance(each.get("content"), str) or len(each) != 2 for each in system):
        return None
    texts = [{"type": "text", "text": each["content"]} for each in system if each["content"]]
    return {"messages": merged, **({"system": texts} if texts else {})}


def _blocks(message: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    content = message["content"]
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content.strip() else None
    if not isinstance(content, list) or message["role"] != "user":
        return None
    blocks = list(_parts(content))
    return blocks if len(blocks) == len(content) and blocks else None


def _parts(content: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for part in content:
        if not isinstance(part, Mapping):
            return
        text, image = part.get("text"), part.get("image_url")
        if part.keys() == {"type", "text"} and isinstance(text, str) and text.strip():
            yield {"type": "text", "text": text}
        elif part.keys() == {"type", "image_url"} and isinstance(image, Mapping):
            found = _IMAGE.fullmatch(str(image.get("url")))
            if found is None or image.keys() != {"url"}:
                return
            source = {"type": "base64", "media_type": found[1], "data": found[2]}
            yield {"type": "image", "source": source}


def _sampling(entry: Mapping[str, Any], params: Params) -> dict[str, Any] | None:
    given = {name: params[name] for name in _SAMPLING if name in params}
    if entry.get("supports_sampling_params") is False and given not in ({}, {"temperature": 1}):
        return None
    return given if params.get("n", 1) == 1 else None


def _tools(entry: Mapping[str, Any], params: Params) -> dict[str, Any] | None:
    tools, parallel = params.get("tools"), params.get("parallel_tool_calls")
    choice = params.get("tool_choice")
    if tools is None:
        return {} if choice is None and parallel is None else None
    if not tools or not all(map(_is_simple_tool, tools)):
        return None
    chosen: dict[str, Any] = {"type": "auto"} if parallel is not None else {}
    if isinstance(choice, Mapping):
        chosen = {"type": "tool", "name": str(choice.get("function", {}).get("name"))}
    elif choice is not None:
        if choice not in _CHOICES:
            return None
        chosen = {"type": _CHOICES[choice]}
    if chosen.get("type") in ("any", "tool") and entry.get("supports_forced_tool_use") is False:
        return None
    if parallel is not None and choice != "none":
        chosen = {**chosen, "disable_parallel_tool_use": not parallel}
    worded = [_tool(each["function"]) for each in tools]
    return {"tools": worded, **({"tool_choice": chosen} if chosen else {})}


def _is_simple_tool(tool: Any) -> bool:
    if not isinstance(tool, Mapping) or tool.keys() != {"type", "function"}:
        return False
    function = tool["function"]
    if tool["type"] != "function" or not isinstance(function, Mapping):
        return False
    schema = function.get("parameters", {"type": "object"})
    return (
        function.keys() <= {"name", "description", "parameters"}
        and _TOOL_NAME.fullmatch(str(function.get("name"))) is not None
        and is_simple_schema(schema)
        and schema.get("type") == "object"
        and schema.keys() <= {"type", *_KEPT}
    )


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"properties": {}, **function.get("parameters", {"type": "object"})}
    worded = {"name": function["name"], "input_schema": schema, "type": "custom"}
    if function.get("description") is not None:
        worded["description"] = function["description"]
    return worded


def _format(entry: Mapping[str, Any], params: Params) -> dict[str, Any] | None:
    form = params.get("response_format")
    if form is None:
        return {}
    if not isinstance(form, Mapping) or not entry.get("supports_native_structured_output"):
        return None
    if form.get("type") in ("text", "json_object") and form.keys() == {"type"}:
        return {}  # as litellm, which has no other way
    named = form.get("json_schema")
    if form.keys() != {"type", "json_schema"} or not isinstance(named, Mapping):
        return None
    schema = named.get("schema")
    if not is_simple_schema(schema):
        return None
    return {"output_format": {"type": "json_schema", "schema": _closed(schema)}}


def _closed(schema: Any) -> Any:
    """Forbid further properties: the provider asks for that."""
    if not isinstance(schema, Mapping):
        return schema
    found = dict(schema)
    if isinstance(found.get("properties"), Mapping):
        found["properties"] = {name: _closed(each) for name, each in found["properties"].items()}
    if "items" in found:
        found["items"] = _closed(found["items"])
    if found.get("type") == "object":
        found["additionalProperties"] = False
    return found


def _thinking(entry: Mapping[str, Any], params: Params) -> dict[str, Any] | None:
    effort = params.get("reasoning_effort")
    if effort is None:
        return {}
    if not entry.get("supports_reasoning") or not isinstance(effort, str):
        return None
    is_adaptive = entry.get("supports_adaptive_thinking")
    if effort == "none" and not is_adaptive:
        return {}
    if effort not in _EFFORTS:
        return None
    if is_adaptive:
        thinking = {"type": "adaptive", "display": "summarized"}
        return {"thinking": thinking, "output_config": {"effort": _EFFORTS[effort]}}
    return {"thinking": {"type": "enabled", "budget_tokens": _BUDGETS[effort]}}
