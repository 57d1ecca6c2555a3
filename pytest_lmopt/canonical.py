"""Canonical JSON and its digest: one spelling of a value, for keys and identities."""

from __future__ import annotations

import hashlib
import json


def canonical_json(value: object, *, allow_nan: bool = True) -> str:
    """Spell a value as JSON with sorted keys and no spaces; sets are sorted.

    Raises ``ValueError`` for a number that is not finite, unless ``allow_nan``, and ``TypeError``
    for what JSON lacks.
    """
    return json.dumps(
        value,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        default=_written,
        allow_nan=allow_nan,
    )


def digest(value: object, *, length: int = 16) -> str:
    """Compute the first ``length`` hex digits of the SHA-256 of the canonical JSON."""
    # JSON can hold half a surrogate pair, which plain UTF-8 can't
    content = canonical_json(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:length]


def _written(value: object) -> object:
    """Replace a set, whose order differs in every process, by a sorted list."""
    if isinstance(value, set | frozenset):
        return {"set": sorted(map(canonical_json, value))}
    raise TypeError(f"a value that JSON holds expected, found an object of type {type(value)}")
