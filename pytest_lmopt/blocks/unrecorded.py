"""What a replay lacks: how many requests of which prompt, and what to run to have them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_lmopt.errors import IncompleteError
from pytest_lmopt.lm.tracing import Call

SHOWN = 3
SHOWN_CHARACTERS = 60


def incomplete_replay(calls: Iterable[Call], missing: dict[str, str]) -> IncompleteError:
    """The error of a replay in which these calls had no recording; equal requests count once."""
    asked: dict[str, dict[str, str]] = {}
    for call in calls:
        if call.request is not None:
            last = call.request.messages[-1].content
            asked.setdefault(call.prompt, {})[call.request.key] = last
    parts = [
        f"{len(requests)} of prompt {Path(prompt).name} ({_first(requests.values())})"
        for prompt, requests in sorted(asked.items())
    ]
    count = sum(map(len, asked.values()))
    return IncompleteError(
        f"{count} {'request is' if count == 1 else 'requests are'} not recorded, and "
        f"--lm-cache=replay asks no model: {'; '.join(parts)}. Nothing is judged. To record them, "
        "and those that follow from their answers, run the same without --lm-cache=replay where "
        "the model can be asked; to commit them, add --lm-snapshot-update, with --lm-record=DIR "
        "where the ini value lm_record names no folder",
        missing=missing,
    )


def _first(texts: Iterable[str]) -> str:
    shown = sorted(texts)
    first = ", ".join(
        repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…")
        for text in shown[:SHOWN]
    )
    return f"{first}, …" if len(shown) > SHOWN else first
