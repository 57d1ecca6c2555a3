"""What the answer to a direct call depends on, as plain JSON: neither keys nor how it is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_lmopt.canonical import canonical_json, digest
from pytest_lmopt.safe_text import hide_carried, through
from pytest_lmopt.wire import Message

_ENDPOINTS = ("api_base", "base_url", "azure_endpoint")
_SECRET = re.compile(
    r"(^|[_-])(api)?(key|secret|token|password|credentials?|headers?|auth|authorization)([_-]|$)",
    re.I,
)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SAID = ("messages", "response_format", "prompt_variables")
_NAMES_IN_SCHEMAS = ("properties", "$defs", "definitions")
_HOW_IT_IS_ASKED = frozenset(
    (
        *("timeout", "request_timeout", "stream_timeout", "force_timeout", "ssl_verify"),
        *("num_retries", "max_retries", "retry_policy", "retry_strategy", "cooldown_time"),
        *("fallbacks", "context_window_fallback_dict", "cache", "caching", "ttl", "id", "tags"),
        *("metadata", "user", "safety_identifier", "organization", "verbose", "no-log"),
        *("callbacks", "success_callback", "failure_callback", "model_info", "base_model"),
        *("input_cost_per_second", "output_cost_per_second"),
    )
)


def model_name(arguments: Mapping[str, Any]) -> str:
    """The model as one litellm string, with its provider where that is given apart."""
    model, provider = str(arguments["model"]), arguments.get("custom_llm_provider")
    return f"{provider}/{model}" if provider and not model.startswith(f"{provider}/") else model


def recorded_form(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that decide the answer; of an endpoint only the digest of its address.

    Two endpoints may serve different models under one name, and their addresses may be private.
    """
    recorded: dict[str, Any] = {"messages": []}
    for name, value in arguments.items():
        if value is None or name == "model":
            continue
        if name in _ENDPOINTS:
            recorded["endpoint"] = _endpoint(str(value))
        elif _decides(name, value):
            plain = _plain(value)
            recorded[name] = (
                plain if name in _SAID else through(_without_secrets(plain), hide_carried)
            )
    return recorded


def as_text(recorded: Mapping[str, Any]) -> tuple[Message, ...]:
    """The call as text messages, the tools first: what is read and counted, though not sent.

    Of images, sounds and files only their kind is told.
    """
    besides = {
        name: recorded[name]
        for name in ("tools", "functions", "response_format")
        if recorded.get(name)
    }
    tools = [Message("tools", canonical_json(besides))] if besides else []
    messages = recorded["messages"] or [{"role": "user", "content": ""}]
    said = (Message(str(each.get("role", "assistant")), _text_of(each)) for each in messages)
    return (*tools, *said)


def _decides(name: str, value: object) -> bool:
    """Whether an argument can decide the answer: not a client, a function or the like."""
    if name in _HOW_IT_IS_ASKED or name.startswith(("litellm_", "_")) or _is_secret(name):
        return False
    kinds = (str, int, float, Mapping, list, tuple)
    return isinstance(value, kinds) or hasattr(value, "model_dump")


def _is_secret(name: str) -> bool:
    return _SECRET.search(_CAPITAL.sub("_", name)) is not None


def _without_secrets(value: Any) -> Any:
    """Keys, headers and addresses left out, however deep; schemas, which only name them, kept."""
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept: dict[str, Any] = {}
    for name, item in value.items():
        if name in _ENDPOINTS and isinstance(item, str):
            kept["endpoint"] = _endpoint(item)
        elif name in _NAMES_IN_SCHEMAS and isinstance(item, Mapping):
            kept[name] = _schemas(item)
        # what a search is filtered by: {"key": "team", "value": "FIN"}
        elif not _is_secret(name) or (name == "key" and "value" in value):
            kept[name] = _without_secrets(item)
    return kept


def _schemas(named: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are schemas, whatever they are called, the rest without secrets."""
    return {
        name: _without_secrets(item)
        for name, item in named.items()
        if isinstance(item, Mapping | bool) or not _is_secret(name)
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, type) and hasattr(value, "model_json_schema"):
        return {"class": value.__name__, "schema": value.model_json_schema()}
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump(exclude_none=True))
    return repr(value)


def _endpoint(url: str) -> str:
    address = urlsplit(url)
    # without the user's name and password, which stand before the @
    return digest([address.netloc.rpartition("@")[2].lower(), address.path.rstrip("/")])


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    parts = content if isinstance(content, list) else [content or ""]
    texts = [
        part if isinstance(part, str) else str(part.get("text") or f"[{part.get('type')}]")
        for part in parts
    ]
    calls = [message[name] for name in ("tool_calls", "function_call") if message.get(name)]
    return "\n".join([*texts, *(canonical_json(call) for call in calls)])
