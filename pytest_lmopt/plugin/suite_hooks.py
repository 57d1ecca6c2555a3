"""Hooks that every test calls, registered once there is a suite: a run without needs none."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import pytest

from pytest_lmopt.plugin import losses
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.session import PROPERTY, LmSession
from pytest_lmopt.plugin.setting_up import SettingUp
from pytest_lmopt.plugin.watching import display_key, watch_workers


def follow_tests(session: LmSession, run: pytest.Session) -> None:
    """Register the hooks in a process that has collected a suite."""
    _register(run, "lmopt-setting-up", SettingUp(session))
    _register(run, "lmopt-calling", CallHooks(session))
    if not session.is_worker:
        follow_reports(session, run)


def follow_reports(session: LmSession, run: pytest.Session) -> None:
    """Register those on reports in the process that owns the session."""
    _register(run, "lmopt-reports", ReportHooks(session, run))


def _register(run: pytest.Session, name: str, plugin: object) -> None:
    if not run.config.pluginmanager.has_plugin(name):  # a controller may collect after its workers
        run.config.pluginmanager.register(plugin, name)


class CallHooks:
    """Runs a suite in place of its test function."""

    def __init__(self, session: LmSession) -> None:
        self._session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Put a suite in place of its test function, whichever plugin would have called that."""
        if isinstance(item, pytest.Function) and node_name(item) in self._session.suites:
            from pytest_lmopt.plugin.running import run_suite

            item.runtest = partial(run_suite, item, self._session)  # type: ignore[method-assign]


class ReportHooks:
    """Registered in the controller under xdist, else once a suite was collected."""

    def __init__(self, session: LmSession, run: pytest.Session) -> None:
        self._session = session
        self._run = run
        self._tests = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Count each suite once, however many lanes it has."""
        self._tests = len(set(ids))

    def pytest_runtest_logstart(self) -> None:
        """Let the share of tests done be that of tests, not lanes."""
        if self._tests:
            self._run.testscollected = self._tests
            shown = self._run.config.stash.get(display_key, None)
            if shown is not None:
                watch_workers(self._session, shown)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Count a lost worker for nothing."""
        return ("", "", "") if report.outcome == losses.LOST else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Take a suite's report off the test's, leaving a few figures for junit."""
        if report.outcome == losses.LOST:
            with losses.kept_out_of_junit(self._run.config, report):
                yield
            return
        if report.when == "call" or not report.passed:
            self._session.told.add(report.nodeid)
        if any(name == PROPERTY for name, _ in report.user_properties):
            from pytest_lmopt.plugin.gathering import gather

            gather(self._session, report)
        yield
        if self._session.ended is not None:
            pytest.exit(*self._session.ended)
