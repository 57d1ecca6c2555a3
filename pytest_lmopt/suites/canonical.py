"""Canonical JSON and its digest: the identity of states, candidates, datasets and requests."""

from __future__ import annotations

import hashlib
import json

from pytest_lmopt.suites.content import content_form, is_plain
from pytest_lmopt.suites.values import comparable_text


def canonical_json(value: object, *, allow_nan: bool = True) -> str:
    """JSON with sorted keys and no spaces; sets are sorted, what else JSON lacks is its content.

    Raises ``ValueError`` for a number that is not finite, unless ``allow_nan``; ``InputError`` for
    an object without content.
    """
    return json.dumps(
        value,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        default=_written,
        allow_nan=allow_nan,
    )


def _written(value: object) -> object:
    """A stand-in for a value that JSON lacks; sets have another order in every process."""
    if isinstance(value, set | frozenset):
        return {"set": sorted(map(canonical_json, value))}
    return {"content": content_form(value)}


def digest(value: object, *, length: int = 16) -> str:
    """First ``length`` hex digits of the SHA-256 of the canonical JSON."""
    # JSON can hold half a surrogate pair, which plain UTF-8 can't
    content = canonical_json(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:length]


def row_digest(inputs: dict[str, object], expected: object) -> str:
    """Identity of a row by types and content; of plain JSON values that of their JSON.

    Raises ``InputError`` for an object without content, ``TypeError`` for keys that are no text.
    """
    if is_plain(inputs) and is_plain(expected):
        return digest([inputs, expected])
    forms = [content_form(inputs, at="inputs"), content_form(expected, at="expected")]
    return digest(["content", *forms])


def input_digest(inputs: dict[str, object]) -> str:
    """Identity of a row's inputs, whose texts are made comparable; raises as ``row_digest``."""
    return digest(content_form(inputs, at="inputs", text=comparable_text))
