"""Running one suite in place of one test call."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_lmopt.assessment.assess import Assessment
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.blocks.progress import Tracker
from pytest_lmopt.blocks.queue import MOST_LOSSES, Part
from pytest_lmopt.blocks.runner import AT_ONCE, BlockRunner, LocalRunner
from pytest_lmopt.errors import BudgetExhaustedError, LmoptError
from pytest_lmopt.lm.tracing import RunContext
from pytest_lmopt.plugin.broken import fail
from pytest_lmopt.plugin.debugging import Tracebacks
from pytest_lmopt.plugin.isolation import concurrency_of, isolation_notice
from pytest_lmopt.plugin.marks import pipeline_of
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.session import ENDED, PROPERTY, LmSession
from pytest_lmopt.plugin.setting_up import prepared_key
from pytest_lmopt.plugin.suite_notices import suite_notices
from pytest_lmopt.plugin.watching import say, watched
from pytest_lmopt.reports.opening_lines import lines_of
from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport, from_json, to_json
from pytest_lmopt.runs.ctrl_c import ctrl_c
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.outcomes import SessionEnded
from pytest_lmopt.runs.suite_loop import run_on_loop
from pytest_lmopt.suites.code.source import pipeline_source
from pytest_lmopt.suites.suite import Suite

if TYPE_CHECKING:
    from pytest_lmopt.assessment.sharing import Trying


def run_suite(item: pytest.Function, session: LmSession) -> None:
    """Assess the item's suite and leave its report on the item; fails the test if it failed."""
    tracebacks = Tracebacks(wanted=session.options.debug)
    ctrl_c.tell = partial(say, item.config)
    try:
        return _traced(item, session, tracebacks)
    except LmoptError as error:  # before anything could be assessed
        tracebacks.tell(error)
        problem = str(error)
    except SessionEnded as ended:
        # as the test itself would have: pytest knows what to do with these
        cause = ended.__cause__
        if isinstance(cause, pytest.exit.Exception | KeyboardInterrupt):
            raise cause from None
        pytest.exit(ended.reason, ended.returncode)
    # out here, or pytest would show both exceptions
    fail(session, problem)


def _traced(item: pytest.Function, session: LmSession, tracebacks: Tracebacks) -> None:
    if session.telemetry is None:
        return _run_suite(item, session, tracebacks)
    with session.telemetry.span("lm_suite", {"pytest_lmopt.suite": node_name(item)}) as span:
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
    name = node_name(item)
    marked, options = session.suites[name], session.options
    suite = replace(
        marked.suite,
        pipeline=pipeline_of(item),  # with this lane's own fixtures
        source=pipeline_source(item.function, session.root) if options.show_source else "",
    )
    telemetry = session.telemetry
    if telemetry is not None:
        from pytest_lmopt.runs.traced import traced

        suite = replace(suite, pipeline=traced(suite.pipeline, telemetry, suite=name))
    part = session.parts.get(name)
    if part is Part.GIVE_UP:
        fail(session, _given_up(name, session))
    prepared = item.stash[prepared_key]
    if prepared.problem is not None:
        raise prepared.problem
    ledger, setup = prepared.ledger, prepared.context
    lm = setup.lm
    terms = Terms(
        root=session.root,
        snapshot=marked.snapshot,
        former=session.former.get(name),
        replaying=options.cache == "replay",
        recording=options.cache != "off",
        record=marked.record if options.recording else None,
        seed=options.seed,
        alpha=session.alpha,
        gate=marked.gate,
        inconclusive_fails=options.inconclusive_fails,
        require_baseline=marked.require_baseline,
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
        setup=setup,
    )
    here = _concurrency(item, suite, session)
    with (
        session.noting_use(),
        InProcessExecutor(
            lm=lm,
            model=suite.model,
            concurrency=here,
            timeout=options.example_timeout,
            rules=setup.rules,
            slots=session.slots(suite.name, here=here, together=suite.concurrency),
            on_wrong=tracebacks.tell,
            clock=session.clock,
        ) as executor,
    ):
        queue, worker = session.queue, session.worker
        # where one runs at a time, nor is another one scored meanwhile
        local = LocalRunner(suite, executor, at_once=1 if here == 1 else AT_ONCE)
        if queue is not None and part is Part.HELP:
            from pytest_lmopt.blocks.lanes import help_with

            run_on_loop(help_with(local, queue=queue, worker=worker))
            return session.note(_opened_here(suite.name, setup))
        runner: BlockRunner = local
        if session.cluster is not None:
            from pytest_lmopt.plugin.clustering import cluster_runner

            runner = cluster_runner(
                item,
                suite,
                local,
                ledger=ledger,
                rules=setup.rules,
                session=session,
                cluster=session.cluster,
            )
        elif queue is not None and part is Part.LEAD:
            from pytest_lmopt.blocks.lanes import LeadingRunner

            runner = LeadingRunner(local, queue=queue, worker=worker, hands=session.lanes)
        if session.trying is not None:
            report = session.reports[suite.name]
            session.checks[name] = _check(suite, runner, terms, report, session.trying)
            return
        tracker = Tracker(
            suite.name, ledger.accounts, session.clock, longest=lambda: executor.longest
        )
        with watched(item.config, session, tracker):
            assessment = Assessment(suite, runner, ledger, terms, lm=lm, tracker=tracker)
            report = _assess(assessment, session, item, tracebacks)
    remarks = (f"{suite.name}: {line}" for line in ledger.remarks)
    notices = (*session.notices, *remarks, *suite_notices(report, strays=setup.strays))
    report = replace(
        report,
        orphans=session.orphans,
        notices=notices,
        intercept_off=str(setup.rules.interception),
    )
    item.user_properties.append((PROPERTY, to_json(report)))
    if report.status != "passed":
        fail(session, f"{report.status}: {report.problem}")


def _opened_here(suite: str, setup: RunContext) -> list[str]:
    """Lines on what fixtures opened in a process that makes no report."""
    openings = setup.openings.listed()
    return [f"{suite}, on another worker: {line}" for line in lines_of(openings)]


def _concurrency(item: pytest.Function, suite: Suite, session: LmSession) -> int:
    """How many of a suite's examples may run at a time in this process; says so where it is one."""
    here, parts = concurrency_of(item, suite, session.options)
    if parts and session.parts.get(node_name(item)) is not Part.HELP:
        session.note([isolation_notice(suite.name, parts, session.options)])
    return here


def _given_up(suite: str, session: LmSession) -> str:
    from pytest_lmopt.blocks.plain import examples_of

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
    from pytest_lmopt.assessment.sharing import try_changes

    try:
        return run_on_loop(try_changes(suite, runner, terms, report=report, trying=trying))
    except LmoptError as error:
        files = tuple(sorted(trying.changes))
        return SharedCheck(suite=suite.name, files=files, problem=str(error))


def _assess(
    assessment: Assessment, session: LmSession, item: pytest.Function, tracebacks: Tracebacks
) -> SuiteReport:
    try:
        report = run_on_loop(assessment.run())
        # a call outside of runs, such as on a service's thread, may have been the one too many
        stop = item.stash[prepared_key].context.stop
        if stop is not None:
            raise stop
        return report
    except LmoptError as error:
        tracebacks.tell(error)
        stopped = isinstance(error, BudgetExhaustedError)
        return assessment.unfinished("budget-stopped" if stopped else "error", str(error))
    except pytest.fail.Exception as ended:  # from outside, as pytest-timeout does
        return assessment.unfinished("error", str(ended))
    except SystemExit as error:  # asyncio lets one out of a task that the pipeline began
        tracebacks.tell(error)
        problem = f"a task that the pipeline began raised SystemExit: {error}"
        return assessment.unfinished("error", problem)
    except SessionEnded as ended:
        report = assessment.unfinished("interrupted", ended.reason or "pytest.exit was called")
        if session.is_worker:  # the session is the controller's to end
            item.user_properties.append((ENDED, json.dumps([ended.reason, ended.returncode])))
            return report
        # no test report will carry this one
        session.reports[node_name(item)] = report
        raise
    except KeyboardInterrupt:
        # nor this one
        session.reports[node_name(item)] = assessment.unfinished("interrupted", "stopped by Ctrl-C")
        raise
