"""Prompts shared by suites: one suite's winner is tried on the others before it is written."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from pytest_lmopt.assessment.acceptance import Acceptance
from pytest_lmopt.assessment.oversights import measures_nothing
from pytest_lmopt.assessment.placement import as_split
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import BlockRunner
from pytest_lmopt.comparison.gate import gate_failure, is_under
from pytest_lmopt.comparison.verdict import Comparison, compare
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport
from pytest_lmopt.snapshots.snapshot import Snapshot, parse_snapshot
from pytest_lmopt.snapshots.store import load_snapshot
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.clusters import groups_of
from pytest_lmopt.suites.places import name_below, prompt_key
from pytest_lmopt.suites.prompt_file import parse_prompt
from pytest_lmopt.suites.suite import Suite


def conflicting(reports: Iterable[SuiteReport]) -> set[str]:
    """Files for which accepted suites have different texts."""
    texts: dict[str, set[str]] = {}
    for report in reports:
        for name, text in report.accept.items():
            texts.setdefault(name, set()).add(text)
    return {name for name, wanted in texts.items() if len(wanted) > 1}


def changes_for(
    report: SuiteReport, reports: Iterable[SuiteReport], conflicts: Set[str]
) -> dict[str, str]:
    """Prompt files that this suite uses and only other suites' winners would rewrite."""
    return {
        name: text
        for other in reports
        if conflicts.isdisjoint(other.accept)
        for name, text in other.accept.items()
        if name in report.prompts and name not in report.accept
    }


def withdrawn(
    conflicts: Iterable[str],
    checks: Collection[SharedCheck],
    reports: Collection[SuiteReport],
) -> set[str]:
    """Files not to be written: in conflict, or in a check that failed, and all tried with them.

    A suite is accepted whole or not at all, and a check that passed with several files says
    nothing of them without the withdrawn one.
    """
    lost = {*conflicts, *(name for check in checks if check.problem for name in check.files)}
    together = [set(check.files) for check in checks] + [set(report.accept) for report in reports]
    while True:
        more = set().union(*(files for files in together if not files.isdisjoint(lost)))
        if more <= lost:
            return lost
        lost |= more


@dataclass(frozen=True, kw_only=True)
class Trying:
    """Prompt files that other suites' winners would rewrite, to be tried on a suite.

    ``alone`` tries them in place of the suite's own winner and compares with its prompts as they
    stand; else they are tried beside it and compared with what the suite would accept by itself,
    which is its prompts as they stand where it accepts nothing.
    """

    changes: Mapping[str, str]
    alone: bool = False


async def try_changes(
    suite: Suite, runner: BlockRunner, terms: Terms, *, report: SuiteReport, trying: Trying
) -> SharedCheck:
    """Evaluate a suite with other suites' winners and say whether they do harm.

    ``report`` is the suite's own; what the check would accept has its prompts, and the scores with
    all changes. Raises what ends an evaluation early.
    """
    accepted = _accepted(report, terms)
    suite = as_split(suite, accepted or load_snapshot(terms.snapshot, suite), terms.resplit)
    evaluator = Evaluator(suite, runner, recording=terms.recording)
    judged = suite.splits.judged
    measured = True
    if trying.alone or accepted is None:
        incumbent = await evaluator.evaluate(Candidate(name="incumbent", states={}), judged)
        before: Mapping[str, float] = incumbent.scores
        measured = not measures_nothing(suite, incumbent)
        texts = trying.changes
    else:
        before = accepted.scores
        texts = {**report.accept, **trying.changes}
    candidate = _candidate({terms.root / name: texts.get(name) for name in report.prompts})
    evaluation = await evaluator.evaluate(candidate, judged)
    comparison = compare(
        before,
        evaluation.scores,
        groups=groups_of(suite.dataset),
        margin=suite.margin,
        alpha=terms.alpha,
        seed=terms.seed,
    )
    files = Acceptance(suite, terms, accepted).of_evaluation(evaluation)
    own = {} if trying.alone else report.accept
    return SharedCheck(
        suite=suite.name,
        files=tuple(sorted(trying.changes)),
        problem=_harm(suite, terms, before, evaluation, comparison, measured=measured),
        comparison=comparison,
        accept={**own, **files} if report.accept else {},
    )


def _harm(
    suite: Suite,
    terms: Terms,
    before: Mapping[str, float],
    evaluation: Evaluation,
    comparison: Comparison | None,
    *,
    measured: bool,
) -> str:
    """Why the suite can't live with the changes, by its own gate; empty if it can.

    What it fell short of before can't be held against them, be it the threshold or that anything
    is ``measured`` at all: else it would veto every winner until it is green.
    """
    threshold = suite.threshold
    if before and is_under(math.fsum(before.values()) / len(before), threshold):
        threshold = None
    failure = gate_failure(
        evaluation.mean,
        comparison,
        threshold=threshold,
        margin=suite.margin,
        mode=terms.gate,
        inconclusive_fails=terms.inconclusive_fails,
    )
    return (measures_nothing(suite, evaluation) if measured else "") or failure or ""


def _accepted(report: SuiteReport, terms: Terms) -> Snapshot | None:
    """The snapshot that the suite would accept by itself, if it accepts anything."""
    if not report.accept:
        return None
    snapshot, scores = (
        name_below(path, terms.root) or path.as_posix()
        for path in (terms.snapshot, terms.snapshot.with_suffix(".scores.csv"))
    )
    return parse_snapshot(report.accept[snapshot], report.accept[scores], path=terms.snapshot)


def _candidate(texts: Mapping[Path, str | None]) -> Candidate:
    return Candidate(
        name="shared",
        states={
            prompt_key(path): parse_prompt(text, path=path)
            for path, text in texts.items()
            if text is not None
        },
    )
