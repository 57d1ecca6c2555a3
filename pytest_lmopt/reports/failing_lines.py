"""Failing examples: what was asked, wanted and got, and why that is wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.suite_report import FailingExample

SHOWN = (3, 10)
"""Examples of a suite by verbosity; all beyond."""
TALL = (1, 6)
"""Lines of each text by verbosity; whole beyond."""
LABEL = 9
CONTEXT = 20
"""Characters before the first difference of two texts too long to be shown whole."""


def failing_lines(
    failing: Sequence[FailingExample], look: Look, *, by_id: bool = False
) -> Iterator[str]:
    """Some examples with their texts, the others, or with ``by_id`` all, by their ids."""
    if not failing:
        return
    level = max(0, look.verbosity)
    open_ones = [example for example in failing if example != FailingExample(id=example.id)]
    most = len(failing) if level >= len(SHOWN) else SHOWN[level]
    shown = open_ones[: 0 if by_id else most]
    more = "" if level >= len(SHOWN) else f" ({'-vv' if level else '-v'} shows more)"
    yield f"{len(failing)} example{'s' * (len(failing) > 1)} below 1{more}:"
    for example in map(look.fit, shown):
        yield f"  {look.paint(look.one_line(example.id, 4), 'title')}"
        texts = {name: getattr(example, name) for name in ("inputs", "expected", "got", "feedback")}
        if texts["feedback"] == texts["got"]:  # of a run that returned nothing
            texts["got"] = ""
        begins = _before_difference(texts["expected"], texts["got"], look) if not level else 0
        for name, text in texts.items():
            compared = name in ("expected", "got")
            for place, line in enumerate(_cut(text, look, level, begins if compared else 0)):
                yield f"    {'' if place else name:<{LABEL}}{line}"
    told = {id(example) for example in shown}
    rest = [example.id for example in failing if id(example) not in told]
    if rest:
        # what can't be seen on one line need not be joined
        ids = look.fit(", ".join(rest[: look.width]))
        yield f"  {'and ' if shown else ''}{look.one_line(ids, 8)}"


def _before_difference(expected: str, got: str, look: Look) -> int:
    """Where to begin both texts, so that a long beginning they share hides no difference."""
    pairs = enumerate(zip(expected, got, strict=False))
    shared = next((place for place, (a, b) in pairs if a != b), min(len(expected), len(got)))
    room = look.width - LABEL - 6
    if max(len(expected), len(got)) <= room or shared < room - CONTEXT:
        return 0
    return shared - CONTEXT


def _cut(text: str, look: Look, level: int, begins: int) -> list[str]:
    if not text:
        return []
    room = max(20, look.width - LABEL - 6)
    if not level:
        dots = look.spell("…") if begins else ""
        return [look.one_line(dots + text[begins:], LABEL + 6)]
    lines = [
        piece
        for line in text.split("\n")
        for piece in textwrap.wrap(
            line, room, replace_whitespace=False, drop_whitespace=False, break_on_hyphens=False
        )
        or [""]
    ]
    most = len(lines) if level >= len(TALL) else TALL[level]
    return lines if len(lines) <= most else [*lines[:most], look.spell("…")]
