"""Plain JSON without keys, headers and addresses: of an address only its digest is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_lmopt.canonical import digest

ENDPOINTS = ("api_base", "base_url", "azure_endpoint")
_SECRET = re.compile(
    r"(^|[_-])(api)?(key|secret|token|password|credentials?|headers?|auth|authorization)([_-]|$)",
    re.I,
)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAMES_IN_SCHEMAS = ("properties", "$defs", "definitions")


def without_secrets(value: Any) -> Any:
    """Leave out keys, headers and addresses, however deep; keep schemas, which only name them."""
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept: dict[str, Any] = {}
    for name, item in value.items():
        if name in ENDPOINTS and isinstance(item, str):
            kept["endpoint"] = endpoint_digest(item)
        elif name in _NAMES_IN_SCHEMAS and isinstance(item, Mapping):
            kept[name] = _schemas(item)
        # what a search is filtered by: {"key": "team", "value": "FIN"}
        elif not is_secret(name) or (name == "key" and "value" in value):
            kept[name] = without_secrets(item)
    return kept


def _schemas(named: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are schemas, whatever they are called, the rest without secrets."""
    return {
        name: without_secrets(item)
        for name, item in named.items()
        if isinstance(item, Mapping | bool) or not is_secret(name)
    }


def is_secret(name: str) -> bool:
    """Whether a field of that name holds a secret."""
    return _SECRET.search(_CAPITAL.sub("_", name)) is not None


def endpoint_digest(url: str) -> str:
    """Compute the digest of an address, without the user and the query in it."""
    address = urlsplit(url)
    # without the user's name and password, which stand before the @
    return digest([address.netloc.rpartition("@")[2].lower(), address.path.rstrip("/")])
