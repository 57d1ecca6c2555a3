"""Calls while a suite's fixtures are set up and torn down: they belong to the suite."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.session import PROPERTY, LmSession

if TYPE_CHECKING:
    from pytest_lmopt.errors import LmoptError
    from pytest_lmopt.lm.money.ledger import Ledger
    from pytest_lmopt.lm.net.rules import Rules
    from pytest_lmopt.lm.seam import LM
    from pytest_lmopt.lm.tracing import RunContext
    from pytest_lmopt.plugin.records import MarkedSuite
    from pytest_lmopt.reports.suite_report import Status
    from pytest_lmopt.wire import Completion, Request


@dataclass(kw_only=True)
class Prepared:
    """What the calls of a suite go through, from its set-up to its teardown.

    ``context`` is the suite's own, for calls outside of runs. ``problem`` is what the suite can't
    be run for. ``whole`` and ``closing`` end what is in place for all of it, and for its fixtures.
    """

    marked: MarkedSuite
    ledger: Ledger
    context: RunContext
    problem: BaseException | None = None
    whole: ExitStack = field(default_factory=ExitStack)
    closing: ExitStack = field(default_factory=ExitStack)


class Failing:
    """An LM that can't be had: each call raises what is wrong with it."""

    def __init__(self, problem: BaseException) -> None:
        self._problem = problem

    async def complete(self, request: Request) -> Completion:  # noqa: ARG002 - none is asked
        """Raise the problem."""
        raise self._problem


prepared_key = pytest.StashKey[Prepared]()


def begin(item: pytest.Function, session: LmSession) -> None:
    """Prepare a suite and let the calls of its fixtures be its own."""
    from pytest_lmopt.lm.tracing import in_suite

    prepared = item.stash[prepared_key] = _prepared(session, session.suites[node_name(item)])
    prepared.whole.enter_context(in_suite(prepared.context))
    session.closing.callback(prepared.whole.close)  # a test that ends the session is not torn down
    _belong(prepared)


def _belong(prepared: Prepared) -> None:
    """Have the calls of fixtures be the suite's; one that can't be run says so in its test."""
    from pytest_lmopt.errors import LmoptError

    try:
        prepared.closing.enter_context(belonging(prepared.context))
    except LmoptError as error:
        prepared.problem = prepared.problem or error


def _prepared(session: LmSession, marked: MarkedSuite) -> Prepared:
    from pytest_lmopt.errors import LmoptError
    from pytest_lmopt.lm.money.ledger import Ledger
    from pytest_lmopt.lm.net.rules import Rules

    try:
        return _prepare(session, marked)
    except (LmoptError, pytest.fail.Exception) as error:
        context = suite_context(marked, lm=Failing(error), rules=Rules())
        return Prepared(marked=marked, ledger=Ledger([]), context=context, problem=error)


def _prepare(session: LmSession, marked: MarkedSuite) -> Prepared:
    from pytest_lmopt.lm.stack import suite_lm
    from pytest_lmopt.plugin.accounting import rules_of, suite_ledger

    ledger = suite_ledger(session, marked)
    lm = suite_lm(
        session.provider(marked.lm),
        ledger=ledger,
        store=session.store,
        mode=session.options.cache,
        traffic=session.traffic,
        committed=session.committed,
        since=session.started,
        clock=session.clock,
    )
    if session.telemetry is not None:
        lm = session.telemetry.lm(lm)
    context = suite_context(marked, lm=lm, rules=rules_of(session, marked, ledger))
    return Prepared(marked=marked, ledger=ledger, context=context)


def suite_context(marked: MarkedSuite, *, lm: LM, rules: Rules) -> RunContext:
    """The context of a suite's calls outside of runs."""
    from pytest_lmopt.lm.tracing import RunContext
    from pytest_lmopt.suites.candidate import Candidate

    return RunContext(
        lm=lm,
        candidate=Candidate(name="set-up", states={}),
        model=marked.suite.model,
        purpose="setup",
        rules=rules,
    )


@contextmanager
def belonging(context: RunContext) -> Iterator[None]:
    """Have the calls made inside, and what is opened, belong to a suite's own context."""
    from pytest_lmopt.lm.hooks import hooked
    from pytest_lmopt.lm.tracing import running

    with hooked(), running(context):
        yield


class SettingUp:
    """Hooks around the set-up and teardown of suites, in every process that has some."""

    def __init__(self, session: LmSession) -> None:
        self._session = session

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """End a suite whose fixtures ran into its limits, whatever they caught."""
        with _ending(item, self._session):
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Let calls in the teardown be the suite's, too."""
        prepared = item.stash.get(prepared_key, None)
        if prepared is None:
            return (yield)
        context, name = prepared.context, node_name(item)
        # those until now stand in the suite's report
        context.stop, context.openings = None, type(context.openings)()
        _belong(prepared)
        try:
            with prepared.whole, _ending(item, self._session, torn_down=True):
                yield
        finally:
            del item.stash[prepared_key]
            self._session.note(f"{name}, torn down: {line}" for line in _opened(context))


def _opened(context: RunContext) -> Iterator[str]:
    openings = context.openings.listed()
    if openings:
        from pytest_lmopt.reports.opening_lines import lines_of

        yield from lines_of(openings)


@contextmanager
def _ending(item: pytest.Item, session: LmSession, *, torn_down: bool = False) -> Iterator[None]:
    stop: LmoptError | None = None
    try:
        yield
    except (pytest.exit.Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        stop = _stop(item)
        if stop is None:
            raise
    finally:
        prepared = item.stash.get(prepared_key, None)
        if prepared is not None:
            prepared.closing.close()
    stop = stop or _stop(item)
    if stop is not None:
        _stopped(item, session, stop, torn_down=torn_down)


def _stop(item: pytest.Item) -> LmoptError | None:
    prepared = item.stash.get(prepared_key, None)
    return prepared.context.stop if prepared is not None else None


def _stopped(
    item: pytest.Item, session: LmSession, stop: LmoptError, *, torn_down: bool
) -> NoReturn:
    """Fail the test, and report the suite unless that is done."""
    from pytest_lmopt.assessment.describe import describe_charged
    from pytest_lmopt.errors import BudgetExhaustedError
    from pytest_lmopt.plugin.broken import fail, unjudged
    from pytest_lmopt.reports.suite_report import to_json

    prepared = item.stash[prepared_key]
    status: Status = "budget-stopped" if isinstance(stop, BudgetExhaustedError) else "error"
    if not torn_down:
        report = unjudged(
            session,
            node_name(item),
            status,
            problem=f"{stop} (in a fixture)",
            snapshot=prepared.marked.snapshot,
        )
        usage = prepared.context.usage
        report = replace(
            report,
            usage=usage,
            setup=usage,
            budget=str(prepared.marked.suite.budget),
            charged=describe_charged(prepared.ledger),
            openings=prepared.context.openings.listed(),
            intercept_off=str(prepared.context.rules.interception),
        )
        item.user_properties.append((PROPERTY, to_json(report)))
    fail(session, f"{status}: {stop} (in a fixture)")
