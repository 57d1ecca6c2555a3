"""``--lm-dry-run``: what a session would run and spend, told without running anything."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_lmopt.plugin.marks import MarkedSuite
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.snapshots.store import load_snapshot
from pytest_lmopt.stats.power import minimum_detectable_effect

ASSUMED_DISCORDANCE = 0.3
"""Share of examples whose outcome differs between two prompts, where nothing is known yet."""


def plan_lines(session: LmSession) -> Iterator[str]:
    """A few lines per suite."""
    for marked in session.suites.values():
        yield marked.suite.name
        yield from (f"  {line}" for line in _plan(marked, session.options.strategy))


def _plan(marked: MarkedSuite, strategy: str | None) -> Iterator[str]:
    suite, splits = marked.suite, marked.suite.splits
    n = len(splits.judged) * suite.repeats
    yield (
        f"{len(suite.dataset)} examples: train {len(splits.train)}, dev {len(splits.dev)}, "
        f"holdout {len(splits.holdout)}; model {suite.model or 'as the prompts say'}"
    )
    snapshot = load_snapshot(marked.snapshot)
    if snapshot is not None and snapshot.score.get("n"):
        share = n / snapshot.score["n"]
        calls, tokens, usd = (snapshot.usage.get(name, 0) for name in ("calls", "tokens", "usd"))
        yield (
            f"evaluation of {n} examples: about {calls * share:.0f} calls, "
            f"{tokens * share:,.0f} tokens, ${usd * share:.4f} "
            "by the baseline, less what is recorded"
        )
    else:
        yield (
            f"evaluation of {n} examples: {n} calls for each call the pipeline makes; tokens and "
            "dollars are known once there is a baseline"
        )
    limits = ", ".join(str(mark.budget) for mark in marked.budgets) or "no limit"
    yield f"{f'search ({strategy})' if strategy else 'all calls'} at most: {limits}"
    judged_on = len(splits.holdout) if strategy else n
    if judged_on:
        deviation = math.sqrt(ASSUMED_DISCORDANCE)
        effect = minimum_detectable_effect(deviation, judged_on)
        yield (
            f"{judged_on} examples can show a difference of about {effect:.2f} (80 % power, if "
            f"{ASSUMED_DISCORDANCE:.0%} of them change)"
        )
