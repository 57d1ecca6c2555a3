"""Running one suite in place of one test call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NoReturn

import pytest

from pytest_lmopt.assessment.assess import Assessment
from pytest_lmopt.assessment.sharing import Trying, try_changes
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.blocks.lanes import LeadingRunner, help_with
from pytest_lmopt.blocks.plain import examples_of
from pytest_lmopt.blocks.progress import Tracker
from pytest_lmopt.blocks.queue import MOST_LOSSES, Part
from pytest_lmopt.blocks.runner import BlockRunner, LocalRunner
from pytest_lmopt.comparison.verdict import ALPHA
from pytest_lmopt.errors import BudgetExhaustedError, LmoptError
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.plugin.accounting import suite_ledger
from pytest_lmopt.plugin.debugging import Tracebacks
from pytest_lmopt.plugin.marks import pipeline_of
from pytest_lmopt.plugin.session import PROPERTY, LmSession
from pytest_lmopt.plugin.watching import watched
from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport, from_json, to_json
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.traced import traced
from pytest_lmopt.safe_text import shown
from pytest_lmopt.suites.source import pipeline_source
from pytest_lmopt.suites.suite import Suite


def run_suite(item: pytest.Function, session: LmSession) -> None:
    """Assess the item's suite and leave its report on the item; fails the test if it failed."""
    tracebacks = Tracebacks(wanted=session.options.debug)
    try:
        return _traced(item, session, tracebacks)
    except LmoptError as error:  # before anything could be assessed
        tracebacks.tell(error)
        problem = str(error)
    # out here, or pytest would show both exceptions
    _fail(problem, session)


def _fail(problem: str, session: LmSession) -> NoReturn:
    # pytest itself would write the code points of what its terminal lacks
    told = Look(encoding=session.encoding).spell_signs(problem)
    pytest.fail(shown(told), pytrace=False)


def _traced(item: pytest.Function, session: LmSession, tracebacks: Tracebacks) -> None:
    if session.telemetry is None:
        return _run_suite(item, session, tracebacks)
    with session.telemetry.span("lm_suite", {"pytest_lmopt.suite": item.nodeid}) as span:
        try:
            _run_suite(item, session, tracebacks)
        finally:
            span.set_attributes(_told(item))


def _told(item: pytest.Function) -> dict[str, str | float]:
    """What a suite's span says of its report, once there is one."""
    reports = [from_json(str(value)) for name, value in item.user_properties if name == PROPERTY]
    told = {
        f"pytest_lmopt.{name}": getattr(report, name)
        for report in reports
        for name in ("status", "n", "score")
    }
    return {name: value for name, value in told.items() if value is not None}


def _run_suite(item: pytest.Function, session: LmSession, tracebacks: Tracebacks) -> None:
    marked, options = session.suites[item.nodeid], session.options
    suite = replace(
        marked.suite,
        pipeline=pipeline_of(item),  # with this lane's own fixtures
        source=pipeline_source(item.function, session.root) if options.show_source else "",
    )
    telemetry = session.telemetry
    if telemetry is not None:
        suite = replace(suite, pipeline=traced(suite.pipeline, telemetry, suite=item.nodeid))
    part = session.parts.get(item.nodeid)
    if part is Part.GIVE_UP:
        _fail(_given_up(item.nodeid, session), session)
    ledger = suite_ledger(session, marked)
    lm = suite_lm(
        session.provider,
        ledger=ledger,
        store=session.store,
        mode=options.cache,
        traffic=session.traffic,
        committed=session.committed,
        since=session.started,
    )
    if telemetry is not None:
        lm = telemetry.lm(lm)
    terms = Terms(
        root=session.root,
        snapshot=marked.snapshot,
        record=marked.record if options.recording else None,
        seed=options.seed,
        alpha=ALPHA / len(session.suites) if options.family else ALPHA,
        gate=marked.gate,
        inconclusive_fails=options.inconclusive_fails,
        early_stop=options.early_stop,
        resplit=options.resplit,
        strategy=options.strategy,
        accepting=options.accepting,
        show_holdout=item.config.get_verbosity() > 1,
        journal=session.journal(suite.name),
        resume=options.resume,
        proposer=options.proposer,
        meta_prompts=options.meta_prompts,
        offered=options.offered,
        accept=options.accept,
        prefer=options.prefer,
        examples=session.examples_file(suite.name),
    )
    with (
        session.noting_use(),
        InProcessExecutor(
            lm=lm,
            model=suite.model,
            concurrency=options.concurrency,
            timeout=options.example_timeout,
            slots=session.slots(),
            on_wrong=tracebacks.tell,
        ) as executor,
    ):
        queue, worker = session.queue, session.worker
        local = LocalRunner(suite, executor)
        if queue is not None and part is Part.HELP:
            return asyncio.run(help_with(local, queue=queue, worker=worker))
        runner: BlockRunner = local
        if session.cluster is not None:
            from pytest_lmopt.plugin.clustering import cluster_runner

            runner = cluster_runner(
                item, suite, local, ledger=ledger, session=session, cluster=session.cluster
            )
        elif queue is not None and part is Part.LEAD:
            runner = LeadingRunner(local, queue=queue, worker=worker, hands=session.lanes)
        if session.trying is not None:
            report = session.reports[suite.name]
            session.checks[item.nodeid] = _check(suite, runner, terms, report, session.trying)
            return
        tracker = Tracker(suite.name, ledger.accounts)
        with watched(item.config, session, tracker):
            assessment = Assessment(suite, runner, ledger, terms, lm=lm, tracker=tracker)
            report = _assess(assessment, session, item.nodeid, tracebacks)
    report = replace(report, orphans=session.orphans, notices=tuple(session.notices))
    item.user_properties.append((PROPERTY, to_json(report)))
    if report.status != "passed":
        _fail(f"{report.status}: {report.problem}", session)


def _given_up(suite: str, session: LmSession) -> str:
    standing = session.queue.standing(suite) if session.queue is not None else None
    left = [example for job in standing.left for example in examples_of(job)] if standing else []
    at_work = f", the last at work on the examples {', '.join(left)}" if left else ""
    return (
        f"{MOST_LOSSES} workers were lost while they led this suite{at_work}; something that it "
        "runs ends the process (os._exit, a crash, too little memory)"
    )


def _check(
    suite: Suite, runner: BlockRunner, terms: Terms, report: SuiteReport, trying: Trying
) -> SharedCheck:
    try:
        return asyncio.run(try_changes(suite, runner, terms, report=report, trying=trying))
    except LmoptError as error:
        files = tuple(sorted(trying.changes))
        return SharedCheck(suite=suite.name, files=files, problem=str(error))


def _assess(
    assessment: Assessment, session: LmSession, name: str, tracebacks: Tracebacks
) -> SuiteReport:
    try:
        return asyncio.run(assessment.run())
    except LmoptError as error:
        tracebacks.tell(error)
        stopped = isinstance(error, BudgetExhaustedError)
        return assessment.unfinished("budget-stopped" if stopped else "error", str(error))
    except pytest.fail.Exception as ended:  # from outside, as pytest-timeout does
        return assessment.unfinished("error", str(ended))
    except KeyboardInterrupt:
        # no test report will carry this one
        session.reports[name] = assessment.unfinished("interrupted", "stopped by Ctrl-C")
        raise
