"""``--lm-dry-run``: what a session would run and spend, told without running anything."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lmopt.assessment.placement import as_split
from pytest_lmopt.plugin.accounting import SESSION
from pytest_lmopt.plugin.options import Options
from pytest_lmopt.plugin.records import MarkedSuite
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.wording import p_text
from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.snapshots.store import load_snapshot
from pytest_lmopt.strategies.confirming import level
from pytest_lmopt.strategies.headroom import ASSUMED_CHANGES, detectable_effect
from pytest_lmopt.suites.budget import Budget
from pytest_lmopt.suites.suite import Suite


def plan_lines(session: LmSession) -> Iterator[str]:
    """A few lines per suite, those that can't be run, then the budgets that are too small."""
    for marked in session.suites.values():
        yield marked.suite.name
        yield from (f"  {line}" for line in _plan(marked, session.options, session.alpha))
    for broken in session.broken.values():
        yield broken.name
        yield f"  {'skipped' if broken.skipped else 'error'}: {broken.problem}"
    yield from _too_small(session)


def _as_run(marked: MarkedSuite, options: Options) -> tuple[Suite, Snapshot | None]:
    """The suite with the splits that a run would draw, and its snapshot."""
    snapshot = load_snapshot(marked.snapshot, marked.suite)
    return as_split(marked.suite, snapshot, options.resplit), snapshot


def _plan(marked: MarkedSuite, options: Options, alpha: float) -> Iterator[str]:
    suite, snapshot = _as_run(marked, options)
    splits, strategy = suite.splits, options.strategy
    n = len(splits.judged) * suite.repeats
    yield (
        f"{len(suite.dataset)} examples: train {len(splits.train)}, dev {len(splits.dev)}, "
        f"holdout {len(splits.holdout)}; model {suite.model or 'as the prompts say'}"
    )
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
    if strategy:
        alpha = level(splits.use_of(), alpha)
    if judged_on:
        effect = detectable_effect(judged_on, alpha=alpha)
        yield (
            f"{judged_on} examples can show a difference of about {effect:.2f} at "
            f"p < {p_text(alpha)} (80 % power, if {ASSUMED_CHANGES:.0%} of them change)"
        )


def _too_small(session: LmSession) -> Iterator[str]:
    """Budgets that can't pay for judging the suites that share them."""
    budgets: dict[str, Budget] = {}
    needs: dict[tuple[str, str], float] = {}
    for marked in session.suites.values():
        payers = {mark.owner: mark.budget for mark in marked.budgets}
        if session.options.budget is not None:
            payers[SESSION] = session.options.budget
        budgets |= payers
        for name, amount in _need(marked, session.options).items():
            for owner in payers:
                needs[owner, name] = needs.get((owner, name), 0.0) + amount
    for (owner, name), needed in needs.items():
        limit = getattr(budgets[owner], name)
        if limit is not None and round(needed, 6) > limit:
            told = f"{needed:.4f}" if name == "usd" else f"{needed:,.0f}"
            yield (
                f"warning: the budget of {owner} ({budgets[owner]}) is too small: judging alone "
                f"takes about {told} {name}, less what is recorded"
            )


def _need(marked: MarkedSuite, options: Options) -> dict[str, float]:
    """The least that judging takes, by limit; one call for each run where nothing is known.

    A search also judges its winner on holdout.
    """
    suite, snapshot = _as_run(marked, options)
    splits = suite.splits
    searching = options.strategy not in (None, "baseline")
    examples = len(splits.judged) + (len(splits.holdout) if searching else 0)
    if snapshot is None or not snapshot.score.get("n"):
        return {"calls": examples * suite.repeats}
    share = examples / snapshot.score["n"]
    return {name: snapshot.usage.get(name, 0) * share for name in ("calls", "tokens", "usd")}
