"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
"""These stand for what the process has open, be it a file, and written to from where it stands."""


def write_whole(path: Path, pieces: Iterable[str]) -> None:
    """Write a file piece by piece; until it is complete there is none, or the old one.

    A link stays one, and what it leads to is written; who may read a file stays as it was. What is
    no file (a pipe, a terminal) is written to as it is.
    """
    open_one = _STREAMS.get(str(path))
    if open_one is not None or (path.exists() and not path.is_file()):
        place = path if open_one is None else os.dup(open_one)
        with open(place, "w", encoding="utf-8", newline="") as stream:
            stream.writelines(pieces)
        return
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        with suppress(FileNotFoundError):
            shutil.copymode(path, new)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
