"""A unified diff as two columns, with the words that changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ALIKE = 0.4
"""Lines less similar than this are shown as replaced, not as changed in places."""

_MOST_PAIRS = 250_000
"""Words of one line times words of the other: comparing takes time in proportion."""

Piece = tuple[bool, str]
"""Whether it changed, and the text."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a row: the line's number in its file, whether it changed, and its text."""

    number: int
    changed: bool
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, kw_only=True)
class FileDiff:
    """The rows of one file, old beside new.

    A side is None where it has no line; both are where lines were left out.
    """

    name: str
    rows: tuple[tuple[Side | None, Side | None], ...]


def side_by_side(diff: str) -> list[FileDiff]:
    """The files of a unified diff."""
    lines = iter(diff.split("\n"))
    files: list[tuple[str, list[tuple[Side | None, Side | None]]]] = []
    for line in lines:
        if line.startswith("+++ "):
            files.append((line[4:].removeprefix("b/"), []))
        hunk = _HUNK.match(line)
        if hunk and files:
            rows = files[-1][1]
            if rows:
                rows.append((None, None))
            rows += _rows(lines, hunk)
    return [FileDiff(name=name, rows=tuple(rows)) for name, rows in files]


def _rows(lines: Iterator[str], hunk: re.Match[str]) -> Iterator[tuple[Side | None, Side | None]]:
    """The rows of a hunk: as many lines as it announces, since a line may look like a header."""
    old, new = int(hunk[1]), int(hunk[3])
    end_old, end_new = old + int(hunk[2] or 1), new + int(hunk[4] or 1)
    removed: list[str] = []
    added: list[str] = []
    while old + len(removed) < end_old or new + len(added) < end_new:
        line = next(lines, " ")
        if line.startswith("-"):
            removed.append(line[1:])
        elif line.startswith("+"):
            added.append(line[1:])
        else:
            yield from _replaced(removed, added, old, new)
            old, new = old + len(removed), new + len(added)
            removed, added = [], []
            yield _side(old, line[1:]), _side(new, line[1:])
            old, new = old + 1, new + 1
    yield from _replaced(removed, added, old, new)


def _side(number: int, text: str) -> Side:
    return Side(number=number, changed=False, pieces=((False, text),))


def _replaced(
    removed: Sequence[str], added: Sequence[str], old: int, new: int
) -> Iterator[tuple[Side | None, Side | None]]:
    for place, (before, after) in enumerate(zip_longest(removed, added)):
        was, now = _words(before or "", after or "")
        yield (
            None if before is None else Side(number=old + place, changed=True, pieces=was),
            None if after is None else Side(number=new + place, changed=True, pieces=now),
        )


def _words(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both lines in pieces, with those that differ marked; whole lines where little is alike."""
    was, now = re.findall(r"\w+|\W", before), re.findall(r"\w+|\W", after)
    matcher = SequenceMatcher(None, was, now, autojunk=False)
    if len(was) * len(now) > _MOST_PAIRS or matcher.ratio() < _ALIKE:
        return ((False, before),), ((False, after),)
    codes = matcher.get_opcodes()
    return (
        tuple((tag != "equal", "".join(was[a:b])) for tag, a, b, _, _ in codes if b > a),
        tuple((tag != "equal", "".join(now[c:d])) for tag, _, _, c, d in codes if d > c),
    )
