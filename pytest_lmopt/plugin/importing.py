"""A mistake found while test modules are imported, such as in a prompt file, told in a line."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from _pytest.config import ConftestImportFailure

import pytest_lmopt
from pytest_lmopt.errors import InputError
from pytest_lmopt.plugin.debugging import traceback_of
from pytest_lmopt.plugin.session import session_key
from pytest_lmopt.safe_text import without_commands

OURS = Path(pytest_lmopt.__file__).parent


def report_in_a_line(collector: pytest.Collector, report: pytest.CollectReport) -> None:
    """Say in one line which mistake of the user's ended an import, in place of its traceback."""
    call = getattr(report, "call", None)
    error = call.excinfo.value if call is not None and call.excinfo is not None else None
    if isinstance(error, ConftestImportFailure):
        error = error.cause
    if isinstance(error, InputError):
        problem = f"{_place(error)}: {error}"
        if collector.config.stash[session_key].options.debug:
            problem += f"\n{traceback_of(error)}"
        report.longrepr = without_commands(problem)


def reason(told: str) -> str:
    """The line of a failed report that says why."""
    lines = [line for line in told.splitlines() if line.strip()]
    said = [line[1:].strip() for line in lines if line.startswith("E ")] or lines
    return said[-1] if said else "nobody knows why"


def _place(error: InputError) -> str:
    """Where the user's own code made the mistake."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [
        frame
        for frame in frames
        if not Path(frame.filename).is_relative_to(OURS) and not frame.filename.startswith("<")
    ]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}"
