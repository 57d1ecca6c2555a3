"""The terminal's section on LM suites."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lmopt.plugin.planning import plan_lines
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.annotations import annotation_lines
from pytest_lmopt.reports.terminal import check_lines, terminal_lines
from pytest_lmopt.reports.text import printable
from pytest_lmopt.reports.transfer import transfer_lines

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def tell(session: LmSession, terminal: TerminalReporter) -> None:
    """Print the plan of a dry run, or the suites' reports and the files written."""
    if session.options.dry_run:
        terminal.section("lm plan")
        for line in plan_lines(session):
            terminal.write_line(printable(line))
        return
    terminal.section("lm suites")
    reports = list(session.reports.values())
    if reports:
        width = terminal._tw.fullwidth
        for line in terminal_lines(reports, verbosity=terminal.verbosity, width=width):
            terminal.write_line(line)
    for notice in session.notices:
        terminal.write_line(f"note: {notice}")
    for line in _tried_elsewhere(session):
        terminal.write_line(printable(line))
    for line in (*_changes(session), *_for_github(session)):
        terminal.write_line(line)


def _changes(session: LmSession) -> Iterator[str]:
    """The files written and removed, and those that were not."""
    yield from (f"written: {printable(name)}" for name in session.written)
    for name in session.removed:
        yield f"removed: {printable(name)}, which belonged to no test"
    if not session.removed:
        for name in session.orphans:
            yield (
                f"orphaned: {printable(name)} belongs to no test; to remove it, add "
                "--lm-snapshot-update"
            )
    yield from (f"not written: {printable(reason)}" for reason in session.refused)


def _tried_elsewhere(session: LmSession) -> Iterator[str]:
    """What winners did on other models, and on other suites that share their prompts."""
    yield from transfer_lines(session.transfers, accepting=session.options.accepting)
    shown = {each.suite for transfer in session.transfers for each in transfer.tried}
    for check in session.checks.values():
        if check.suite not in shown:
            yield from check_lines(check)


def _for_github(session: LmSession) -> Iterator[str]:
    if os.environ.get("GITHUB_ACTIONS") == "true":
        workspace = Path(os.environ.get("GITHUB_WORKSPACE", session.root))
        reports = list(session.reports.values())
        yield from annotation_lines(reports, root=session.root, workspace=workspace)
