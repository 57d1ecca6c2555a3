"""The terminal's section on LM suites."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from _pytest.pathlib import bestrelpath

from pytest_lmopt.plugin.gathering import inside
from pytest_lmopt.plugin.options import in_ci
from pytest_lmopt.plugin.repeating import repeated
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.annotations import annotation_lines
from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.terminal import check_lines, terminal_lines
from pytest_lmopt.reports.transfer import transfer_lines
from pytest_lmopt.safe_text import on_github, without_commands

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def tell(session: LmSession, terminal: TerminalReporter) -> None:
    """Print the plan of a dry run, or the suites' reports and the files written."""
    writer, config = terminal._tw, terminal.config

    def command(name: str) -> str:
        file, separator, test = name.partition("::")
        return bestrelpath(config.invocation_params.dir, config.rootpath / file) + separator + test

    look = Look(
        width=writer.fullwidth,
        verbosity=terminal.verbosity,
        colour=writer.hasmarkup,
        encoding=session.encoding,
        command=command,
    )
    typed = repeated([str(each) for each in config.invocation_params.args])
    accept = "--lm-snapshot-update=ci" if in_ci() else look.accept
    look = replace(look, options=look.fit(typed), accept=accept)
    if session.options.dry_run:
        from pytest_lmopt.plugin.planning import plan_lines

        terminal.section("lm plan")
        for line in plan_lines(session):
            terminal.write_line(without_commands(look.fit(line)))
        return
    if terminal.verbosity < -1:
        return
    terminal.section("lm suites")
    for line in terminal_lines(list(session.reports.values()), look):
        terminal.write_line(without_commands(line))
    for notice in session.notices:
        terminal.write_line(without_commands(look.fit(f"note: {notice}")))
    for line in (*_tried_elsewhere(session, look), *_changes(session, look)):
        terminal.write_line(without_commands(look.fit(line)))
    for line in _for_github(session):
        terminal.write_line(line)


def _changes(session: LmSession, look: Look) -> Iterator[str]:
    """The files written and removed, and those that were not."""
    yield from (f"written: {name}" for name in session.written)
    yield from (f"removed: {name}, which belonged to no test" for name in session.removed)
    if not session.removed and not session.options.accepting:
        for name in (each for each in session.orphans if inside(session, each)):
            yield (
                f"orphaned: {name} belongs to no test; to remove it, run all tests with "
                f"{look.accept}{' --lm-orphans=remove' if session.options.keep_orphans else ''}"
            )
    yield from (f"not written: {reason}" for reason in session.refused)


def _tried_elsewhere(session: LmSession, look: Look) -> Iterator[str]:
    """What winners did on other models, and on other suites that share their prompts."""
    yield from transfer_lines(session.transfers, accepting=session.options.accepting)
    shown = {each.suite for transfer in session.transfers for each in transfer.tried}
    for check in session.checks.values():
        if check.suite not in shown:
            yield from check_lines(check, look)


def _for_github(session: LmSession) -> Iterator[str]:
    if on_github():
        workspace = Path(os.environ.get("GITHUB_WORKSPACE", session.root))
        reports = list(session.reports.values())
        yield from annotation_lines(
            reports, root=session.root, workspace=workspace, lines=session.lines
        )
