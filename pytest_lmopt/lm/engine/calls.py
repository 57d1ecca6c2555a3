"""Requests as they are sent: where to, with which headers and which body."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from pytest_lmopt.lm.engine.anthropic_bodies import STRUCTURED, anthropic_body
from pytest_lmopt.lm.engine.chat_bodies import ChatMessages, Params, chat_body
from pytest_lmopt.lm.engine.services import LOCAL, Service, service_of
from pytest_lmopt.lm.placeholder_keys import PLACEHOLDER
from pytest_lmopt.wire import OCCURRENCE, Request

AZURE_VERSION = "2025-02-01-preview"
"""The version of Azure's protocol where ``AZURE_API_VERSION`` is not set, as litellm's."""

_AZURE_FORMATS = "2024-08"
"""The month from whose versions on Azure takes ``response_format`` and any ``tool_choice``."""

_LITELLMS = (
    "SSL_VERIFY",
    "SSL_CERTIFICATE",
    "SSL_SECURITY_LEVEL",
    "SSL_ECDH_CURVE",
    "USE_LITELLM_PROXY",
    "EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER",
)
"""Variables by which litellm sends requests in another way."""

_SETTINGS = (
    *("api_base", "api_key", "api_version", "headers", "organization", "openai_key", "azure_key"),
    *("anthropic_key", "groq_key", "openrouter_key", "togetherai_api_key", "xai_key"),
    *("drop_params", "modify_params", "aclient_session", "client_session", "ssl_certificate"),
    *("callbacks", "input_callback", "success_callback", "failure_callback", "model_alias_map"),
    *("custom_provider_map", "openai_system_messages_first", "secret_manager_client"),
)
"""Attributes by which users set litellm up in code."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as it is sent. Its headers hold the key, so they are not shown."""

    service: Service
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)


class _Address(NamedTuple):
    service: Service
    name: str
    base: str
    key: str


def remote_call(request: Request) -> Call | None:
    """Word a request to a provider of the table; None for what litellm has to send.

    That is a model or a parameter that the table doesn't know, a key that is found in another way,
    and all requests of a process in which litellm was set up in code.
    """
    address = _address(request.model)
    if address is None or _is_litellm_set_up():
        return None
    messages, params = _arguments(request)
    call = {"azure": _azure, "anthropic": _anthropic}.get(address.service.wire, _chat)
    return call(address, messages, params)


def local_call(request: Request, endpoint: str, name: str) -> Call | None:
    """Word a request to a server on this machine; None for what litellm has to send."""
    body = chat_body(LOCAL, name, *_arguments(request))
    if body is None:
        return None
    return Call(service=LOCAL, url=_joined(endpoint, LOCAL.path), headers={}, body=body)


def _address(model: str) -> _Address | None:
    found = service_of(model)
    if found is None:
        return None
    service, name = found
    base = _first(service.bases) or service.base
    key = _first(service.keys).strip() or service.no_key
    if not base or not key or key == PLACEHOLDER or "@" in urlsplit(base).netloc:
        return None
    if any(os.environ.get(variable) for variable in (*_LITELLMS, *service.unknown)):
        return None
    return _Address(service, name, base, key)


def _chat(address: _Address, messages: ChatMessages, params: Params) -> Call | None:
    service = address.service
    body = chat_body(service, address.name, messages, params)
    if body is None:
        return None
    named = {header.name: _first(header.variables) or header.default for header in service.headers}
    headers = {name: value for name, value in named.items() if value}
    headers["authorization"] = f"Bearer {address.key}"
    url = _joined(address.base, service.path)
    return Call(service=service, url=url, headers=headers, body=body)


def _azure(address: _Address, messages: ChatMessages, params: Params) -> Call | None:
    service, name, base, key = address
    version = os.environ.get("AZURE_API_VERSION") or AZURE_VERSION
    if urlsplit(base).path.strip("/") or not version[:4].isdigit():
        return None
    if version < _AZURE_FORMATS and params.keys() & {"response_format", "tool_choice"}:
        return None
    body = chat_body(service, name, messages, params)
    if body is None:
        return None
    path = f"/openai/deployments/{quote(name)}{service.path}?api-version={quote(version)}"
    return Call(service=service, url=_joined(base, path), headers={"api-key": key}, body=body)


def _anthropic(address: _Address, messages: ChatMessages, params: Params) -> Call | None:
    service, name, base, key = address
    body = anthropic_body(name, messages, params)
    if body is None or key.startswith("sk-ant-oat"):  # a token, sent in another way
        return None
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    if "output_format" in body:
        headers.update([STRUCTURED])
    return Call(service=service, url=_joined(base, service.path), headers=headers, body=body)


def _arguments(request: Request) -> tuple[ChatMessages, Params]:
    params = {name: value for name, value in request.params.items() if name != OCCURRENCE}
    # a chat request of a client's has messages of its own, tool calls included
    messages = params.pop("messages", None)
    if messages is None:
        messages = [{"role": role, "content": text} for role, text in request.messages]
    return messages, params


def _first(variables: tuple[str, ...]) -> str:
    return next(filter(None, map(os.environ.get, variables)), "")


def _joined(base: str, path: str) -> str:
    base = base.rstrip("/")
    if base.endswith(path):
        return base
    return base.removesuffix("/v1") + path if path.startswith("/v1/chat") else base + path


def _is_litellm_set_up() -> bool:
    litellm = sys.modules.get("litellm")
    if litellm is None:
        return False
    settings = vars(litellm)
    return settings.get("ssl_verify", True) is not True or any(
        settings.get(name) for name in _SETTINGS
    )
