"""JSON on one line that any file and terminal can hold."""

from __future__ import annotations

import json
from typing import Any


def json_text(value: Any) -> str:
    """The value as JSON: text of any script as it is, but what is not printable spelled out."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    # JSON leaves some control characters as they are, and half a surrogate pair can't be encoded
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
