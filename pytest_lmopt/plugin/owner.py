"""Hooks of the process that owns the session: it alone gathers reports, writes files and speaks."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lmopt.plugin import losses, watching
from pytest_lmopt.plugin.session import NOTICES_KEY, PROPERTY, WORKER_KEY, LmSession

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


class OwnerHooks:
    """Registered in the controller under xdist, else in the only process."""

    def __init__(self, session: LmSession) -> None:
        self._session = session
        self._run: pytest.Session | None = None
        self._tests = 0
        self._display: watching.Display | None = None
        self._nodes: list[Any] = []

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Know the run, and in which characters it is told."""
        self._run = session
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            self._session.encoding = getattr(terminal._tw._file, "encoding", None) or "ascii"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker which session it belongs to."""
        dist = node.config.getoption("dist")
        node.workerinput[WORKER_KEY] = self._session.for_workers(dist=dist)
        self._nodes.append(node)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Refuse to run what a worker found to be a usage error."""
        if hasattr(report, "lm_problem"):
            raise pytest.UsageError(report.lm_problem)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run nothing in a dry run; else be ready to show progress."""
        if self._session.options.dry_run:
            return True
        self._display = watching.display(session.config)
        return None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Count each suite once, however many lanes it has."""
        self._tests = len(set(ids))

    def pytest_runtest_logstart(self) -> None:
        """Let the share of tests done be that of tests, not lanes."""
        if self._run is not None and self._tests:
            self._run.testscollected = self._tests
            if self._display is not None:
                watching.watch_workers(self._session, self._display)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Let the others have what a worker that is gone had taken; take over its notices."""
        self._session.note(getattr(node, "workeroutput", {}).get(NOTICES_KEY, ()))
        if error:
            losses.lose(self._session, node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: Any, sched: Any) -> None:
        """Have another worker go on with a suite."""
        losses.settle(self._session, report, sched, report.node.gateway.id)

    def pytest_enter_pdb(self) -> None:
        """Leave the terminal to the debugger."""
        if self._display is not None:
            self._display.end()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Count a lost worker for nothing."""
        return ("", "", "") if report.outcome == losses.LOST else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Take a suite's report off the test's, leaving a few figures for junit."""
        if report.outcome == losses.LOST and self._run is not None:
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

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that nothing of this run is to be accepted; let another Ctrl-C end the workers."""
        # --stepwise and others stop a session in this way, after tests that ended
        self._session.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)
        if self._session.interrupted and self._nodes and self._session.ran:
            from pytest_lmopt.runs.ctrl_c import ctrl_c

            ctrl_c.take_over(leave=partial(losses.end_workers, self._nodes))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Write what was accepted and the reports asked for; let the second Ctrl-C end the rest."""
        self._write(session)
        try:
            yield
        except KeyboardInterrupt:
            if not (self._session.interrupted and self._session.ran):
                raise
            session.exitstatus = pytest.ExitCode.INTERRUPTED  # and its summary is still told

    def _write(self, session: pytest.Session) -> None:
        if self._display is not None:
            self._display.end()
        losses.turn_red(self._session, session)
        broken = any(not each.skipped for each in self._session.broken.values())
        if self._session.options.dry_run and broken:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._session.reports:
            from pytest_lmopt.plugin.gathering import write_files

            write_files(self._session, session)
        if self._session.reports or self._session.options.prune_to is not None:
            from pytest_lmopt.plugin.limiting import keep_limit

            keep_limit(self._session)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print the plan of a dry run, or the section on suites."""
        session = self._session
        planned = session.options.dry_run and (session.suites or session.broken)
        if session.reports or session.notices or planned:
            from pytest_lmopt.plugin.telling import tell

            tell(session, terminalreporter)

    def pytest_unconfigure(self) -> None:
        """Leave the terminal as it was, and no worker behind, however the session ended."""
        if self._display is not None:
            self._display.close()
        if self._session.interrupted:
            losses.end_workers(self._nodes)
