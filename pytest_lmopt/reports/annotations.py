"""GitHub's annotations: workflow commands, a line each, that mark what failed where it stands.

The runner obeys such a line from any author, a model among them: in all other text ``safe_text``
escapes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.safe_text import printable
from pytest_lmopt.suites.places import name_below

LONGEST = 2_000
_IN_MESSAGES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}


def annotation_lines(
    reports: Sequence[SuiteReport], *, root: Path, workspace: Path, lines: Mapping[str, int]
) -> Iterator[str]:
    """An error for each suite that did not pass, a warning for what its author may have overlooked.

    ``root`` is pytest's root folder, ``workspace`` the folder of the checkout; ``lines`` are those
    of the test functions, by suite and counted from 1, as far as they stand in the suite's file.
    """
    for report in reports:
        path = root / report.suite.partition("::")[0]
        file = name_below(path, workspace) or path.as_posix()
        line = lines.get(report.suite)
        if report.status != "passed":
            title = f"{report.suite} {report.status}"
            yield annotation("error", file=file, line=line, title=title, message=report.problem)
        if report.warning:
            title, message = report.suite, report.warning
            yield annotation("warning", file=file, line=line, title=title, message=message)


def annotation(
    level: Literal["error", "warning"], *, file: str, line: int | None, title: str, message: str
) -> str:
    """A workflow command, with all that could end it or begin another escaped."""
    place = f"file={_escaped(file, _IN_PROPERTIES)}" + (f",line={line}" if line else "")
    return (
        f"::{level} {place},"
        f"title={_escaped(title, _IN_PROPERTIES)}::{_escaped(message[:LONGEST], _IN_MESSAGES)}"
    )


def _escaped(text: str, escapes: dict[str, str]) -> str:
    readable = "".join(char if char in "\r\n" else printable(char) for char in text)
    return "".join(escapes.get(char, char) for char in readable)
