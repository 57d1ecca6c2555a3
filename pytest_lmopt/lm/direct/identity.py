"""What the answer to a direct call depends on, as plain JSON: neither keys nor how it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.lm.dialects.plain_json import (
    ENDPOINTS,
    endpoint_digest,
    is_secret,
    without_secrets,
)
from pytest_lmopt.lm.dialects.rendering import text_of
from pytest_lmopt.safe_text import hide_carried, through
from pytest_lmopt.wire import Message

_SAID = ("messages", "response_format", "prompt_variables")
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
        if name in ENDPOINTS:
            recorded["endpoint"] = endpoint_digest(str(value))
        elif _decides(name, value):
            plain = _plain(value)
            recorded[name] = (
                plain if name in _SAID else through(without_secrets(plain), hide_carried)
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
    said = (Message(str(each.get("role", "assistant")), text_of(each)) for each in messages)
    return (*tools, *said)


def _decides(name: str, value: object) -> bool:
    """Whether an argument can decide the answer: not a client, a function or the like."""
    if name in _HOW_IT_IS_ASKED or name.startswith(("litellm_", "_")) or is_secret(name):
        return False
    kinds = (str, int, float, Mapping, list, tuple)
    return isinstance(value, kinds) or hasattr(value, "model_dump")


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
