"""What a pipeline receives, noted a line each where the variable ``TRANSCRIPT`` names a file."""

from __future__ import annotations

import json
import os
from typing import Any


def note(row: str, *received: Any) -> None:
    """Note what the row's pipeline received: each value with its type."""
    path = os.environ.get("TRANSCRIPT")
    if path is None:
        return
    line = json.dumps([row, [_plain(value) for value in received]], default=repr) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def note_error(row: str, error: BaseException) -> None:
    """Note the class and the status of what the row's pipeline raised."""
    note(row, "raised", _name(type(error)), getattr(error, "status_code", None))


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    fields = value.model_dump(mode="json") if hasattr(value, "model_dump") else {}
    return {"class": _name(type(value)), **fields}


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
