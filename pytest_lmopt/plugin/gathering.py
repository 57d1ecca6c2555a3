"""Gathering the suites' reports, and writing what they say may be written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace

import pytest

from pytest_lmopt.plugin.reporting import write_reports
from pytest_lmopt.plugin.session import ENDED, PROPERTY, LmSession
from pytest_lmopt.reports.resolving import unwritten
from pytest_lmopt.reports.suite_report import SuiteReport, from_json
from pytest_lmopt.reports.whole_files import write_whole
from pytest_lmopt.reports.wording import verdict_text


def gather(session: LmSession, report: pytest.TestReport) -> None:
    """Move a suite's report from the test report to the session."""
    properties = dict(report.user_properties)
    others = [pair for pair in report.user_properties if pair[0] not in (PROPERTY, ENDED)]
    if ENDED in properties:
        reason, returncode = json.loads(str(properties[ENDED]))
        session.ended = reason, returncode
    suite = from_json(str(properties[PROPERTY]))
    session.reports[suite.suite] = suite
    outside = _outside(session, suite.accept)
    if withheld := _lies_outside(outside) if outside else suite.withheld:
        _withhold(session, suite, withheld)
    file, line, _ = report.location
    if line is not None and file == suite.suite.partition("::")[0].replace("/", os.sep):
        session.lines[suite.suite] = line + 1
    session.orphans = suite.orphans
    session.note(suite.notices)
    report.user_properties = [*others, *_figures(suite)]


def write_files(session: LmSession, run: pytest.Session) -> None:
    """Write accepted prompts and baselines, recorded answers, and the run with its reports.

    Only suites that were judged to the end bring anything to accept, so a partial run overwrites
    nothing it did not run. Prompts that two suites want different, or that do harm to a suite
    sharing them, are not written; that their search used the holdout is.
    """
    interrupted = not _try_elsewhere(session, run)
    if session.options.accepting and not interrupted:
        _accept(session)
    elif session.options.accepting:
        for report in list(session.reports.values()):
            _withhold(session, report, "the run was interrupted, and no part of one is accepted")
    elif session.options.recording and not interrupted:
        _record(session)
    write_reports(session)


def _try_elsewhere(session: LmSession, run: pytest.Session) -> bool:
    """Try on other suites what is to be written; False where the run was, or is, interrupted."""
    if session.interrupted or any(
        report.status == "interrupted" for report in session.reports.values()
    ):
        return False
    try:
        if session.options.strategy:
            from pytest_lmopt.plugin.transferring import transfer

            transfer(session, run)
        if session.options.accepting:
            from pytest_lmopt.plugin.rechecking import recheck

            recheck(session, run)
    except (pytest.exit.Exception, KeyboardInterrupt) as end:
        # raised from here, it would keep others from ending the session in order
        asked = getattr(end, "returncode", None)
        run.exitstatus = pytest.ExitCode.INTERRUPTED if asked is None else asked
        reason = str(end) or "stopped by Ctrl-C"
        session.refused.append(f"anything: the run was interrupted at its end ({reason})")
        return False
    return True


def _accept(session: LmSession) -> None:
    from pytest_lmopt.assessment.sharing import conflicting, withdrawn

    reports, checks = session.reports.values(), session.checks
    conflicts = conflicting(reports)
    lost = withdrawn(conflicts, checks.values(), reports)
    refused = [
        (
            {name},
            f"{name}, for which two suites found different texts; to accept one of them, run it "
            f"alone: {' or '.join(_wanting(name, reports))}",
        )
        for name in sorted(conflicts)
    ]
    refused += [
        (
            set(check.files),
            f"{', '.join(check.files)}, which {check.suite} uses too: {check.problem}",
        )
        for check in checks.values()
        if check.problem
    ]
    session.refused += [why for _, why in refused]
    for report in list(reports):
        check = checks.get(report.suite)
        shared = check is not None and lost.isdisjoint(check.files)
        accept = check.accept if check and shared else report.accept
        if not accept or not lost.isdisjoint(report.accept):
            accept = report.counted
            whys = (why for files, why in refused if not files.isdisjoint(report.accept))
            _withhold(session, report, next(whys, unwritten(report)))
        if outside := _outside(session, accept):  # a suite is accepted whole or not at all
            session.refused.append(f"{outside}, which lies outside {session.root}")
            _withhold(session, report, _lies_outside(outside))
            continue
        for name, text in accept.items():
            if not _write(session, name, text):
                _withhold(session, report, f"{name} can't be written")
                break
    for name in () if session.options.keep_orphans else session.orphans:
        if not inside(session, name):
            session.refused.append(f"{name}, which lies outside {session.root}")
            continue
        try:
            for path in (session.root / name, (session.root / name).with_suffix(".scores.csv")):
                path.unlink(missing_ok=True)
        except OSError as error:
            session.refused.append(f"the removal of {name}: {error.strerror or error}")
        else:
            session.removed.append(name)


def _wanting(name: str, reports: Iterable[SuiteReport]) -> list[str]:
    """The suites that would rewrite a file."""
    return [report.suite for report in reports if name in report.accept]


def _withhold(session: LmSession, report: SuiteReport, why: str) -> None:
    """Let a suite's report say that nothing of it is written, and that of a winner it adopted."""
    search = report.search
    if search is not None and search.accepted:
        search = replace(search, withheld=why)
    session.reports[report.suite] = replace(report, search=search, withheld=why)


def _record(session: LmSession) -> None:
    """Write the record files of a run that accepts nothing."""
    for report in session.reports.values():
        for name, text in report.accept.items():
            folder = session.options.record
            if folder is None or not (session.root / name).is_relative_to(folder):
                continue
            if inside(session, name):
                _write(session, name, text)
            else:
                session.refused.append(f"{name}, which lies outside {session.root}")


def _write(session: LmSession, name: str, text: str) -> bool:
    """Write a file unless it is as it should be; whether that could be done, else it is told."""
    path = session.root / name
    try:
        if not path.exists() or path.read_bytes() != text.encode():
            write_whole(path, [text])
            session.written.append(name)
    except OSError as error:
        session.refused.append(f"{name}: {error.strerror or error}")
        return False
    return True


def _outside(session: LmSession, names: Iterable[str]) -> str:
    """The first of these files that lies outside of the root folder; empty if none does."""
    return next((name for name in names if not inside(session, name)), "")


def _lies_outside(name: str) -> str:
    return f"{name} lies outside pytest's root folder"


def inside(session: LmSession, name: str) -> bool:
    """Whether a file lies under the root folder once ``..`` and symbolic links are followed."""
    return (session.root / name).resolve().is_relative_to(session.root.resolve())


def _figures(suite: SuiteReport) -> list[tuple[str, object]]:
    usage = suite.usage
    paid = None if usage.micro_usd is None else (usage.micro_usd - usage.saved_micro_usd) / 1e6
    figures = {
        "lm_status": suite.status,
        "lm_score": suite.score,
        "lm_verdict": verdict_text(suite),
        "lm_calls": usage.calls,
        "lm_tokens": usage.tokens,
        "lm_usd": paid,
    }
    return [(name, value) for name, value in figures.items() if value is not None]
