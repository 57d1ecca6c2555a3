"""Making reports of a stored run: which kinds there are, and what they need."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pytest_lmopt.errors import ReportError
from pytest_lmopt.reports.stored_runs import StoredRun, read_run
from pytest_lmopt.reports.whole_files import write_whole

ReportKind = Literal["html", "json", "md", "csv"]


def check_can_make(kind: ReportKind) -> None:
    """Raise ``ReportError`` if what a kind of report needs is not installed."""
    if kind == "html" and find_spec("matplotlib") is None:
        raise ReportError(
            "its plots are made with matplotlib; pip install 'pytest-lmopt[report]'",
            source="HTML report",
        )


def make_reports(
    stored: Path, asked: Iterable[tuple[ReportKind, Path]]
) -> Iterator[tuple[Path, str]]:
    """Write reports of the run stored in a file; for each its path, and why it is not written."""
    run: StoredRun | None = None
    for kind, path in asked:
        try:
            if kind == "json":
                with stored.open(encoding="utf-8", newline="") as pieces:
                    write_whole(path, pieces)
            else:
                run = run or read_run(stored)
                _write(kind, path, run)
        except OSError as error:
            yield path, f"{path}: {error.strerror or error}"
        except ReportError as error:
            yield path, f"{path}: {error}"
        else:
            yield path, ""


def _write(kind: ReportKind, path: Path, run: StoredRun) -> None:
    if kind == "html":
        from pytest_lmopt.reports.html.page import page

        write_whole(path, page(run))
    elif kind == "csv":
        from pytest_lmopt.reports.table import csv_lines

        write_whole(path, csv_lines(run))
    else:
        from pytest_lmopt.reports.markdown import markdown_lines

        if str(path) == os.environ.get("GITHUB_STEP_SUMMARY"):
            # other commands of the step write to it as well
            with path.open("a", encoding="utf-8") as file:
                file.writelines(markdown_lines(run))
        else:
            write_whole(path, markdown_lines(run))
