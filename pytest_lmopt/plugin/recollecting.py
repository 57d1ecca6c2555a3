"""Tests to be run again after the run. The controller of workers has none: it collects them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_lmopt.plugin.importing import reason
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.safe_text import shown

ADVICE = "run again without -n: the process that hands out tests can't"


def item_of(session: LmSession, run: pytest.Session, name: str) -> pytest.Function:
    """The test of that name; raises ``pytest.UsageError`` where it can't be collected here."""
    if not run.items:
        with _unseen(session, run):
            run.perform_collect()
    for item in run.items:
        if isinstance(item, pytest.Function) and node_name(item) == name:
            return item
    raise pytest.UsageError(f"{ADVICE} find it")


class _Refusing:
    """Ends a collection at what can't be collected, before any plugin reports on it."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell why."""
        if report.failed:
            why = reason(report.longreprtext)
            raise pytest.UsageError(f"{ADVICE} collect {report.nodeid}: {shown(why)}")


@contextmanager
def _unseen(session: LmSession, run: pytest.Session) -> Iterator[None]:
    """Leave what is told, counted and taken for orphaned as the workers have found it."""
    plugins, refusing, terminal_name = run.config.pluginmanager, _Refusing(), "terminalreporter"
    terminal = plugins.get_plugin(terminal_name)
    count, orphans = run.testscollected, session.orphans
    plugins.register(refusing)
    if terminal is not None:
        plugins.unregister(terminal)
    try:
        yield
    finally:
        run.testscollected, session.orphans = count, orphans
        plugins.unregister(refusing)
        if terminal is not None:
            plugins.register(terminal, terminal_name)
