"""Texts cut into the pieces of a stream."""

from __future__ import annotations

import re

_FEW_WORDS = re.compile(r"(?:\s*\S+){1,4}|\s+")
_JSON_PIECE = 40


def words(text: str) -> list[str]:
    """Cut a text after every fourth word; joined, the pieces are the text."""
    return _FEW_WORDS.findall(text)


def json_pieces(text: str) -> list[str]:
    """Cut JSON text into pieces of 40 characters."""
    return [text[start : start + _JSON_PIECE] for start in range(0, len(text), _JSON_PIECE)]
