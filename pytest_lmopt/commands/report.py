"""``report``: any report of a stored run, made later."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.making import ReportKind, check_can_make, make_reports
from pytest_lmopt.reports.stored_runs import find_run, read_run
from pytest_lmopt.reports.terminal import terminal_lines
from pytest_lmopt.reports.transfer import transfer_lines
from pytest_lmopt.safe_text import shown, without_commands

WIDTH = 100


def report(given: str, folder: Path, asked: Sequence[tuple[ReportKind, Path]]) -> int:
    """Write the reports asked for, or print the terminal's; returns the exit status."""
    stored = find_run(given, folder)
    for kind, _ in asked:
        check_can_make(kind)
    problems = [problem for _, problem in make_reports(stored, asked) if problem]
    for problem in problems:
        print(shown(f"not written: {problem}"), file=sys.stderr)
    if not asked:
        run = read_run(stored)
        print(shown(f"run {run.facts.name} of {run.facts.started}"))
        look = Look(width=WIDTH, encoding=sys.stdout.encoding)
        for line in terminal_lines(run.suites, look):
            print(without_commands(line))
        for line in transfer_lines(run.transfers, accepting=run.accepting):
            print(without_commands(look.fit(line)))
    return 1 if problems else 0
