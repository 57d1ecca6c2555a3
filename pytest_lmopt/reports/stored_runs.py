"""Stored runs: reports as JSON in the state folder, of which others can be made later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import ReportError
from pytest_lmopt.reports.example_rows import ExampleRow
from pytest_lmopt.reports.machine import VERSION, RunFacts
from pytest_lmopt.reports.shapes import check_shape
from pytest_lmopt.reports.suite_report import SuiteReport, from_json
from pytest_lmopt.reports.transfer import Transfer, Tried

FOLDER = "runs"
LATEST = "latest"
KEPT_RUNS = 30
KEPT_BYTES = 300_000_000


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run as it was stored; ``examples`` are the rows of each suite, by its name."""

    facts: RunFacts
    suites: tuple[SuiteReport, ...]
    examples: Mapping[str, Sequence[ExampleRow]]
    transfers: tuple[Transfer, ...] = ()

    @property
    def accepting(self) -> bool:
        """Whether it was asked to write what it found."""
        return any(suite.accepting for suite in self.suites)

    @property
    def rows(self) -> Iterator[tuple[SuiteReport, ExampleRow]]:
        """Every example with its suite."""
        for suite in self.suites:
            for row in self.examples[suite.suite]:
                yield suite, row


def forget_old_runs(folder: Path) -> None:
    """Keep the last runs: at most 30, of 300 MB together; the very last whatever its size."""
    size = 0
    for place, path in enumerate(sorted(folder.glob("*.json"), reverse=True)):
        with suppress(OSError):  # another session may be forgetting it as well
            size += path.stat().st_size
            if place and (place >= KEPT_RUNS or size > KEPT_BYTES):
                path.unlink(missing_ok=True)


def find_run(given: str, folder: Path) -> Path:
    """The file of a stored run: ``given`` is its path, its name in ``folder``, or ``latest``."""
    path = Path(given)
    if path.suffix == ".json":
        if path.is_file():
            return path
        raise ReportError("there is no such file", source=given)
    known = sorted(folder.glob("*.json"))
    if given == LATEST and known:
        return known[-1]
    if re.fullmatch(r"[\w-]+", given) and folder / f"{given}.json" in known:
        return folder / f"{given}.json"
    names = ", ".join(path.stem for path in known[-5:])
    raise ReportError(
        f"no run of that name is stored in {folder}; "
        + (
            f"the last ones are {names}"
            if names
            else "a run of pytest with suites leaves one below its rootdir; --root names that"
        ),
        source=given,
    )


def read_run(path: Path) -> StoredRun:
    """A stored run, or a report that ``--lm-report=json:PATH`` wrote; raises ``ReportError``."""
    try:
        with path.open(encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(f"can't be read as JSON: {error}", source=str(path)) from None
    version = document.get("version") if isinstance(document, dict) else None
    if version != VERSION:
        raise ReportError(
            f"format version {version!r}, {VERSION} expected: a file that --lm-report=json:PATH of "
            "this version of pytest-lmopt wrote",
            source=str(path),
        )
    try:
        return _run(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(f"not as it was written: {str(error)[:500]}", source=str(path)) from None


def _run(document: dict[str, Any]) -> StoredRun:
    examples: dict[str, Sequence[ExampleRow]] = {}
    suites = []
    for fields in document["suites"]:
        rows = fields.pop("examples")
        suite = from_json(json.dumps({**fields, "accept": {}, "counted": {}}))
        check_shape(suite, SuiteReport, "suite")
        check_shape(rows, list[ExampleRow], "examples")
        examples[suite.suite] = rows
        suites.append(suite)
    facts = RunFacts(**document["run"])
    check_shape(facts, RunFacts, "run")
    transfers = tuple(map(_transfer, document.get("transfers", ())))
    check_shape(transfers, tuple[Transfer, ...], "transfers")
    return StoredRun(facts=facts, suites=tuple(suites), examples=examples, transfers=transfers)


def _transfer(fields: dict[str, Any]) -> Transfer:
    tried = tuple(Tried(**each) for each in fields["tried"])
    return Transfer(found_on=fields["found_on"], files=tuple(fields["files"]), tried=tried)
