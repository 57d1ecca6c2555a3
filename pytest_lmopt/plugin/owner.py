"""Hooks of the process that owns the session: it alone gathers reports, writes files and speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_lmopt.plugin.session import PROPERTY, WORKER_KEY, LmSession

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


class OwnerHooks:
    """Registered in the controller under xdist, else in the only process."""

    def __init__(self, session: LmSession) -> None:
        self._session = session

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker which session it belongs to."""
        every = node.config.getoption("dist") == "each"
        copies = node.workerinput["workercount"] if every else 1
        node.workerinput[WORKER_KEY] = {**self._session.for_workers, "copies": copies}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Refuse to run what a worker found to be a usage error."""
        if hasattr(report, "lm_problem"):
            raise pytest.UsageError(report.lm_problem)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> bool | None:
        """Run nothing in a dry run."""
        return True if self._session.options.dry_run else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a suite's report off the test's, leaving a few figures for junit."""
        if any(name == PROPERTY for name, _ in report.user_properties):
            from pytest_lmopt.plugin.gathering import gather

            gather(self._session, report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was accepted and the reports asked for."""
        if self._session.reports:
            from pytest_lmopt.plugin.gathering import write_files

            write_files(self._session, session.items)
        if self._session.reports or self._session.options.prune_to is not None:
            from pytest_lmopt.plugin.limiting import keep_limit

            keep_limit(self._session)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print the plan of a dry run, or the section on suites."""
        session = self._session
        if session.reports or session.notices or (session.options.dry_run and session.suites):
            from pytest_lmopt.plugin.telling import tell

            tell(session, terminalreporter)
