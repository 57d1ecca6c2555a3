"""Hooks of the process that owns the session: it alone gathers reports, writes files and speaks."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lmopt.plugin.session import NOTICES_KEY, WORKER_KEY, LmSession

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_lmopt.plugin.watching import Display


class OwnerHooks:
    """Registered in the controller under xdist, else in the only process."""

    def __init__(self, session: LmSession) -> None:
        self._session = session
        self._run: pytest.Session | None = None
        self._display: Display | None = None
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
        if self._run is not None:
            from pytest_lmopt.plugin.suite_hooks import follow_reports

            follow_reports(self._session, self._run)

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
        if self._session.suites or self._session.broken or self._nodes:
            from pytest_lmopt.plugin.watching import display

            self._display = display(session.config)
        return None

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Let the others have what a worker that is gone had taken; take over its notices."""
        self._session.note(getattr(node, "workeroutput", {}).get(NOTICES_KEY, ()))
        if error:
            from pytest_lmopt.plugin import losses

            losses.lose(self._session, node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: Any, sched: Any) -> None:
        """Have another worker go on with a suite."""
        from pytest_lmopt.plugin import losses

        losses.settle(self._session, report, sched, report.node.gateway.id)

    def pytest_enter_pdb(self) -> None:
        """Leave the terminal to the debugger."""
        if self._display is not None:
            self._display.end()

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that nothing of this run is to be accepted; let another Ctrl-C end the workers."""
        # --stepwise and others stop a session in this way, after tests that ended
        self._session.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)
        if self._session.interrupted and self._nodes and self._session.ran:
            from pytest_lmopt.plugin import losses
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
            session.exitstatus = pytest.ExitCode.INTERRUPTED  # and its summary still follows

    def _write(self, session: pytest.Session) -> None:
        if self._display is not None:
            self._display.end()
        if self._session.losses:
            from pytest_lmopt.plugin.losses import turn_red

            turn_red(self._session, session)
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
        if self._session.interrupted and self._nodes:
            from pytest_lmopt.plugin.losses import end_workers

            end_workers(self._nodes)
