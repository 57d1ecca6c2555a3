"""What a replay lacks: how many requests of which prompt, and what to run to have them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_lmopt.errors import IncompleteError
from pytest_lmopt.errors.running import CLOSEST
from pytest_lmopt.lm.tracing import Call

SHOWN = 3
SHOWN_CHARACTERS = 60


def incomplete_replay(calls: Iterable[Call], missing: dict[str, str]) -> IncompleteError:
    """The error of a replay in which these calls had no recording; equal requests count once."""
    asked: dict[str, dict[str, str]] = {}
    differences = []
    for call in calls:
        differences += [found for found in (_difference(call),) if found]
        if call.request is not None:
            last = call.request.messages[-1].content
            asker = call.prompt if call.dialect else f"prompt {Path(call.prompt).name}"
            asked.setdefault(asker, {})[call.request.key] = last
    parts = [
        f"{len(requests)} of {asker} ({_first(requests.values())})"
        for asker, requests in sorted(asked.items())
    ]
    count = sum(map(len, asked.values()))
    return IncompleteError(
        f"{count} {'request is' if count == 1 else 'requests are'} not recorded, and "
        f"--lm-cache=replay asks no model: {'; '.join(parts)}.{''.join(differences[:1])} Nothing "
        "is judged. To record them, and those that follow from their answers, run the same without "
        "--lm-cache=replay where the model can be asked; with --lm-record=DIR it also writes them "
        "to files to commit",
        missing=missing,
    )


def _difference(call: Call) -> str:
    """How the call differs from the closest recorded one, as its error says."""
    _, found, difference = (call.error or "").partition(CLOSEST)
    return f" Closest recorded request: {difference}." if found else ""


def _first(texts: Iterable[str]) -> str:
    shown = sorted(texts)
    first = ", ".join(
        repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…")
        for text in shown[:SHOWN]
    )
    return f"{first}, …" if len(shown) > SHOWN else first
