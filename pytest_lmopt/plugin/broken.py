"""A test that can't be a suite as it is written: an error of that test, and of no other."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from pytest_lmopt.errors import InputError
from pytest_lmopt.plugin.debugging import traceback_of
from pytest_lmopt.plugin.names import item_snapshot, node_name
from pytest_lmopt.plugin.records import BrokenSuite
from pytest_lmopt.plugin.session import PROPERTY, LmSession
from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.suite_report import Status, SuiteReport, to_json
from pytest_lmopt.safe_text import redact, shown
from pytest_lmopt.snapshots.store import accepted_texts, record_path
from pytest_lmopt.wire import Usage


def broken_suite(
    item: pytest.Item,
    session: LmSession,
    problem: str,
    error: BaseException | None,
    *,
    skipped: bool,
) -> BrokenSuite:
    """Note a problem of one test."""
    snapshot, folder = item_snapshot(item), session.options.record
    return BrokenSuite(
        name=node_name(item),
        problem=redact(problem),
        traceback=traceback_of(error) if error is not None and session.options.debug else "",
        snapshot=snapshot,
        record=record_path(snapshot, folder=folder, root=session.root) if folder else None,
        skipped=skipped,
    )


def refuse(item: pytest.Item, session: LmSession, broken: BrokenSuite) -> NoReturn:
    """End the test with its problem, before any fixture is set up, and report the suite."""
    if broken.skipped:
        raise pytest.skip.Exception(broken.problem, _use_item_location=True)
    if broken.traceback:
        print(shown(f"--lm-debug:\n{broken.traceback}"), file=sys.stderr)
    report = unjudged(
        session, broken.name, "error", problem=broken.problem, snapshot=broken.snapshot
    )
    item.user_properties.append((PROPERTY, to_json(report)))
    fail(session, f"error: {broken.problem}")


def unjudged(
    session: LmSession, suite: str, status: Status, *, problem: str, snapshot: Path
) -> SuiteReport:
    """Make the report of a suite of which nothing was run."""
    return SuiteReport(
        suite=suite,
        status=status,
        problem=problem,
        model=session.options.model or "",
        n=0,
        score=None,
        low=None,
        high=None,
        baseline="no baseline",
        comparison=None,
        failing=(),
        missing=0,
        skipped=0,
        usage=Usage(),
        budget="",
        seconds=0.0,
        accepting=session.options.accepting,
        prompts=_accepted_prompts(snapshot),
        orphans=session.orphans,
        notices=tuple(session.notices),
    )


def fail(session: LmSession, problem: str) -> NoReturn:
    """Fail the test with a problem and no traceback."""
    # pytest itself would write the code points of what its terminal lacks
    words = Look(encoding=session.encoding).spell_signs(problem)
    pytest.fail(shown(words), pytrace=False)


def _accepted_prompts(snapshot: Path) -> tuple[str, ...]:
    """The prompts a broken suite is known to call: no other suite's winner may rewrite them."""
    with suppress(InputError):
        return accepted_texts(snapshot)
    return ()
