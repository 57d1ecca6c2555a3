"""Bodies in OpenAI's chat protocol, worded as litellm words them for the same arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_lmopt.lm.engine.services import Service
from pytest_lmopt.lm.money.price_table import table_entry

Params = Mapping[str, Any]
ChatMessages = Sequence[Mapping[str, Any]]

_EFFORTS = ("low", "medium", "high")
_O_SERIES = re.compile(r"o\d")
_REASONING_SERIES = re.compile(r"gpt-[56]")
_FIVE_FOUR = re.compile(r"gpt-(?:5\.[4-9]|[6-9])")
"""From here on litellm asks for tools by another protocol."""
_OTHER_PROTOCOLS = re.compile(
    r"search|audio|realtime|transcribe|tts|codex|computer-use|container|responses/"
)
_NO_FORMAT = ("gpt-4", "gpt-3.5-turbo-16k")
_NOT_OPENAIS = re.compile(r"command|mi[ns]i?stral|codestral|claude|gpt-3[.]?5|/", re.IGNORECASE)
"""Deployments at Azure that litellm words in other ways."""
_REWRITTEN = frozenset(
    ("anyOf", "oneOf", "allOf", "not", "pattern", "patternProperties", "cache_control")
)
"""Words of schemas that litellm rewrites for some providers."""
_SIMPLE = frozenset(
    ("type", "properties", "required", "items", "description", "title", "additionalProperties")
)
_PARTS = {"text": {"type", "text"}, "image_url": {"type", "image_url"}}
_ROLES = ("system", "user", "assistant", "tool")
_SAME_CALLS = ("openai", "azure", "local")
"""Providers that are sent earlier calls of tools as they are."""
_MESSAGE = frozenset(("role", "content", "tool_calls", "tool_call_id", "name"))


def chat_body(
    service: Service, name: str, messages: ChatMessages, params: Params
) -> dict[str, Any] | None:
    """Word a request; None for what is left to litellm."""
    params = {name: value for name, value in params.items() if value is not None}
    if not _is_plain_call(service, messages, params):
        return None
    if "tools" not in params:
        params.pop("tool_choice", None)
    if service.name in ("openai", "azure"):
        found = _openais(service, name, messages, params)
        if found is None:
            return None
        messages, params = found
    elif not name.startswith(service.models) or not _is_chat(service.table + name):
        return None
    said = [{name: value for name, value in each.items() if value is not None} for each in messages]
    return {"model": name, "messages": said, **params, **dict(service.beside)}


def _is_plain_call(service: Service, messages: ChatMessages, params: Params) -> bool:
    """Whether the provider is sent the arguments as they are."""
    form, tools = params.get("response_format"), params.get("tools")
    return (
        params.keys() <= service.params
        and all(_is_plain(service, each) for each in messages)
        and (form is None or _is_plain_format(service, form))
        and (tools is None or (bool(tools) and not _has_any(tools, _REWRITTEN)))
    )


def _is_chat(name: str) -> bool:
    return bool(table_entry(name).get("mode", "chat") == "chat")


def _openais(
    service: Service, name: str, messages: ChatMessages, params: dict[str, Any]
) -> tuple[ChatMessages, dict[str, Any]] | None:
    """Apply what OpenAI's families of models ask for; None for what litellm asks."""
    azure = service.name == "azure"
    entry = table_entry(service.table + name)
    is_other = _OTHER_PROTOCOLS.search(name) or (azure and _NOT_OPENAIS.search(name))
    if is_other or not (_is_chat(service.table + name) and _is_chat(name)):
        return None
    if _is_o_series(name, azure):
        return _o_series(table_entry(name), messages, params)
    if _REASONING_SERIES.search(name) and "gpt-5-chat" not in name:
        return _reasoning_series(name, entry, messages, params)
    refused = {"verbosity"}
    if name in _NO_FORMAT:
        refused.add("response_format")
    if azure or entry:
        refused.add("reasoning_effort")
    if refused & params.keys() or (azure and "gpt-5" in name):
        return None
    return messages, params


def _is_o_series(name: str, azure: bool) -> bool:
    if azure:
        return any(each in name for each in ("o1", "o3", "o4"))
    return _O_SERIES.match(name) is not None


def _o_series(
    known: Mapping[str, Any], messages: ChatMessages, params: dict[str, Any]
) -> tuple[ChatMessages, dict[str, Any]] | None:
    if known.get("litellm_provider") != "openai":
        return None
    refused = {"top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"}
    refused |= {"parallel_tool_calls", "verbosity"}
    if not known.get("supports_function_calling"):
        refused.add("tools")
    if not known.get("supports_response_schema"):
        refused.add("response_format")
    if refused & params.keys() or params.get("temperature", 1) != 1:
        return None
    if not known.get("supports_system_messages"):
        messages = [
            {**each, "role": "user"} if each["role"] == "system" else each for each in messages
        ]
    return messages, _completion_limit(params)


def _reasoning_series(
    name: str, entry: Mapping[str, Any], messages: ChatMessages, params: dict[str, Any]
) -> tuple[ChatMessages, dict[str, Any]] | None:
    refused = {"top_p", "stop", "presence_penalty", "frequency_penalty", "logit_bias"}
    refused |= {"logprobs", "top_logprobs"}
    if _FIVE_FOUR.search(name):
        refused.add("tools")
    if not entry or refused & params.keys() or params.get("temperature", 1) != 1:
        return None
    if params.get("reasoning_effort", "low") not in _EFFORTS:
        return None
    return messages, _completion_limit(params)


def _completion_limit(params: dict[str, Any]) -> dict[str, Any]:
    """Rename the limit: these models refuse its former name."""
    return {
        "max_completion_tokens" if name == "max_tokens" else name: value
        for name, value in params.items()
    }


def _is_plain(service: Service, message: Mapping[str, Any]) -> bool:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES or not message.keys() <= _MESSAGE or not (content or service.empty):
        return False
    if message.keys() & {"tool_calls", "tool_call_id", "name"}:
        return service.name in _SAME_CALLS and not isinstance(content, list)
    if isinstance(content, str):
        return bool(role != "tool")
    return (
        role == "user"
        and service.images
        and isinstance(content, list)
        and all(map(_is_plain_part, content))
        and any(part["type"] == "image_url" for part in content)
    )


def _is_plain_part(part: Any) -> bool:
    if not isinstance(part, Mapping) or set(part) != _PARTS.get(str(part.get("type"))):
        return False
    image = part.get("image_url")
    return image is None or (isinstance(image, Mapping) and image.keys() <= {"url", "detail"})


def _is_plain_format(service: Service, form: Any) -> bool:
    if not isinstance(form, Mapping):
        return False
    if form.get("type") in ("text", "json_object"):
        return form.keys() == {"type"}
    is_schema = form.get("type") == "json_schema" and form.keys() == {"type", "json_schema"}
    return service.schemas and is_schema


def is_simple_schema(schema: Any) -> bool:
    """Whether a JSON schema has only words that no provider's wording changes."""
    if not isinstance(schema, Mapping) or not schema.keys() <= _SIMPLE:
        return False
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or not isinstance(schema.get("type", ""), str):
        return False
    inner = [*properties.values(), *([schema["items"]] if "items" in schema else [])]
    return all(map(is_simple_schema, inner))


def _has_any(value: Any, names: frozenset[str]) -> bool:
    """Whether a name stands anywhere in plain data."""
    if isinstance(value, Mapping):
        return bool(names & value.keys()) or any(_has_any(each, names) for each in value.values())
    return isinstance(value, list | tuple) and any(_has_any(each, names) for each in value)
