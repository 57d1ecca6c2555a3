"""Ids of tool calls and of items, numbered by first appearance: providers and clients draw them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_REFERENCES = ("tool_call_id", "call_id", "tool_use_id")
_CALLS = re.compile(r"^(function|custom|.*tool_use|.*_call)$")
_ITEMS = re.compile(r"^(msg|rs|fc|ctc|call|toolu|srvtoolu|chatcmpl-tool)_")
_UNTOUCHED = ("tools", "functions", "arguments")
"""Definitions and arguments are the user's own data, whatever their fields are called."""


def numbered(body: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the ids in a request's body by ``id1``, ``id2`` and so on.

    Ids by which a request refers to what only the provider holds stay as they are: two requests
    that differ in nothing else have different answers.
    """
    return {
        name: value if name in _UNTOUCHED else _numbered(value, {}) for name, value in body.items()
    }


def _numbered(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_numbered(item, known) for item in value]
    if not isinstance(value, Mapping):
        return value
    changed = {
        # in one order, whatever the client's: numbers go by it
        name: _renamed(value[name], known)
        if _is_id(name, value)
        else value[name]
        if name in _UNTOUCHED or (name == "input" and "name" in value)
        else _numbered(value[name], known)
        for name in sorted(value)
    }
    return {name: changed[name] for name in value}


def _is_id(name: str, holder: Mapping[str, Any]) -> bool:
    value = holder[name]
    if not isinstance(value, str):
        return False
    if name in _REFERENCES:
        return True
    kind = holder.get("type")
    if name != "id" or kind == "item_reference":
        return False
    is_call = "function" in holder or (isinstance(kind, str) and _CALLS.match(kind) is not None)
    return is_call or _ITEMS.match(value) is not None


def _renamed(value: str, known: dict[str, str]) -> str:
    return known.setdefault(value, f"id{len(known) + 1}")
