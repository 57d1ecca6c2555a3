"""What the answer to a request depends on, as plain JSON: neither keys nor how it is sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_lmopt.lm.dialects.call_ids import numbered
from pytest_lmopt.lm.dialects.plain_json import endpoint_digest, is_secret, without_secrets
from pytest_lmopt.lm.dialects.protocol import Body, HttpRequest
from pytest_lmopt.lm.dialects.providers import is_loopback, is_own_deployment, provider_of
from pytest_lmopt.safe_text import hide_carried, through

_HOW_IT_IS_ASKED = frozenset(
    (
        *("user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
        *("prompt_cache_options", "store", "service_tier", "stream_options"),
    )
)
_SAID = ("messages", "input", "instructions", "system", "prompt", "response_format")
"""What is said, which may well be about keys; all else may hold some."""
_HEADERS = ("anthropic-beta", "anthropic-version", "openai-beta")
_BOUNDARY = re.compile(r'boundary="?([^";]+)')


def identity(
    dialect_name: str, body: Body, request: HttpRequest, *, ignore: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return what the answer depends on: ``dialect``, ``body``, ``headers``, ``endpoint``.

    Ids of tool calls are numbered. Of an unknown host, and of one where each customer names the
    models, the digest of its address is kept. ``ignore`` are dotted paths in the body, with ``*``
    for any name or place, to leave out: ``messages.*.name``.
    """
    found: dict[str, Any] = {"dialect": dialect_name, "body": _recorded(body, ignore)}
    headers = {name: request.headers[name] for name in _HEADERS if request.headers.get(name)}
    if headers:
        found["headers"] = headers
    if not body and request.body:
        found["content"] = _content_digest(request)
    known = provider_of(request.url) is not None and not is_own_deployment(request.url)
    if not known and not is_loopback(request.url):
        found["endpoint"] = endpoint_digest(request.url)
    return found


def _recorded(body: Body, ignore: Sequence[str]) -> dict[str, Any]:
    kept: Any = body
    for pattern in ignore:
        kept = _without(kept, pattern.split("."))
    return {
        name: value if name in _SAID else through(without_secrets(value), hide_carried)
        for name, value in numbered(kept).items()
        if value is not None
        and name not in _HOW_IT_IS_ASKED
        and not is_secret(name)
        and not (name == "stream" and value is False)
    }


def _without(value: Any, path: Sequence[str]) -> Any:
    """Leave out what a path leads to; no path leads into anything but objects and lists."""
    name, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        return {
            key: _without(item, rest) if rest and name in ("*", key) else item
            for key, item in value.items()
            if rest or name not in ("*", key)
        }
    if isinstance(value, list):
        return [
            _without(item, rest) if rest and name in ("*", str(place)) else item
            for place, item in enumerate(value)
            if rest or name not in ("*", str(place))
        ]
    return value


def _content_digest(request: HttpRequest) -> str:
    """Digest a body that is not JSON; the boundary between its parts is drawn for each request."""
    content = request.body
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary:
        content = content.replace(boundary[1].encode(), b"boundary")
    return hashlib.sha256(content).hexdigest()
