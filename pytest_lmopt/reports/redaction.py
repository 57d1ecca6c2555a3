"""Hiding secrets in reports, where these leave the process that knows the secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lmopt.safe_text import hide_carried, redact, through

_NAMES = frozenset(
    {"suite", "id", "split", "digest", "dataset", "metric", "prompts", "prompt", "orphans"}
)
"""What identifies something."""
_FILES = frozenset({"accept", "counted"})
"""Whole files to be written: what is accepted is what was tried."""
_DATA = frozenset(
    {"inputs", "expected", "text", "group", "diff", "messages", "tools", "tool_calls"}
)
"""What a dataset, a model or a prompt says: may be about what looks like a secret."""


def without_secrets(fields: Any) -> Any:
    """The fields of a report, or of an example's row, with all free text made fit to be shown."""
    if isinstance(fields, str):
        return redact(fields)
    if isinstance(fields, Mapping):
        return {name: _field(name, value) for name, value in fields.items()}
    if isinstance(fields, list | tuple):
        return [without_secrets(each) for each in fields]
    return fields


def _field(name: str, value: Any) -> Any:
    if name in _NAMES or name in _FILES:
        return value
    if name in _DATA:
        return through(value, hide_carried)
    return without_secrets(value)
