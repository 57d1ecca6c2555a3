"""Canonical JSON and its digest: the identity of states, candidates, datasets and requests."""

from __future__ import annotations

import hashlib
import json


def canonical_json(value: object, *, allow_nan: bool = True) -> str:
    """JSON with sorted keys and no spaces; sets are sorted, what else JSON lacks is its ``repr``.

    Raises ``ValueError`` for a number that is not finite, unless ``allow_nan``.
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
    """What stands for a value that JSON lacks; sets have another order in every process."""
    if isinstance(value, set | frozenset):
        return {"set": sorted(map(canonical_json, value))}
    return repr(value)


def digest(value: object, *, length: int = 16) -> str:
    """First ``length`` hex digits of the SHA-256 of the canonical JSON."""
    # JSON can hold half a surrogate pair, which plain UTF-8 can't
    content = canonical_json(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:length]
