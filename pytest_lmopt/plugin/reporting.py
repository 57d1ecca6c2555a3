"""Storing what a run showed, and making the reports asked for."""

from __future__ import annotations

import time
from pathlib import Path

from pytest_lmopt import __version__
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.reports.example_rows import row_lines
from pytest_lmopt.reports.machine import RunFacts, document
from pytest_lmopt.reports.making import make_reports
from pytest_lmopt.reports.stored_runs import FOLDER, forget_old_runs
from pytest_lmopt.reports.whole_files import write_whole


def write_reports(session: LmSession) -> None:
    """Store the run, and write the reports asked for; what can't be written is told."""
    options, started = session.options, time.gmtime(session.started)
    facts = RunFacts(
        name=f"{time.strftime('%Y%m%d-%H%M%S', started)}-{session.name[-4:]}",
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", started),
        version=__version__,
        seed=options.seed,
        strategy=options.strategy,
    )
    try:
        _write_reports(session, facts)
    except OSError as error:
        session.refused.append(f"the run and its reports: {error}")


def _write_reports(session: LmSession, facts: RunFacts) -> None:
    options = session.options
    kept = options.cache != "off"  # who wants no answer kept wants none in a stored run, either
    folder = session.folder.made() / FOLDER if kept else session.folder.made_for_session()
    stored = folder / f"{facts.name}.json"
    pieces = document(
        facts,
        list(session.reports.values()),
        lambda suite: row_lines(session.examples_file(suite)),
        session.transfers,
    )
    write_whole(stored, pieces)
    if kept:
        forget_old_runs(folder)
    for path, problem in make_reports(stored, options.reports):
        if problem:
            session.refused.append(problem)
        else:
            session.written.append(_shown(path))


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
