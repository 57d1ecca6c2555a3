"""Names of files relative to the root folder, the same whichever links lead to a file or root."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath


def prompt_key(path: Path) -> str:
    """Identify a prompt file in traces and candidates: its real path, with links followed."""
    return path.resolve().as_posix()


def name_below(path: Path, root: Path) -> str | None:
    """Name a file or folder relative to ``root``, in POSIX spelling; None if it lies outside.

    A path that begins with the root's own spelling keeps the rest of its spelling. In any other
    case links are followed on both sides, and folders are compared as the file system does:
    ``/tmp`` is ``/private/tmp`` there, and letters may differ in case.
    """
    if path.is_relative_to(root) and ".." not in path.relative_to(root).parts:
        return path.relative_to(root).as_posix()
    real = path.resolve()
    for folder in (real, *real.parents):
        with suppress(OSError):
            if folder.samefile(root):
                return real.relative_to(folder).as_posix()
    return None


def name_from(path: Path, root: Path) -> str:
    """Name a file or folder as seen from ``root``: ``..`` leads to one that lies outside."""
    below = name_below(path, root)
    if below is not None:
        return below
    try:
        way = os.path.relpath(path.resolve(), root.resolve())
    except ValueError:  # another drive
        return path.as_posix()
    return PurePosixPath(*Path(way).parts).as_posix()
