"""pytest's hooks in every process; each only delegates. The session's owner has more."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence

import pytest

from pytest_lmopt.plugin import collecting, command_line, hookspecs
from pytest_lmopt.plugin.fixtures import lm_example, lm_model
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.options import read_options
from pytest_lmopt.plugin.owner import OwnerHooks
from pytest_lmopt.plugin.session import LmSession, session_key

__all__ = ["lm_example", "lm_model"]

BEGINNING = "lmopt-beginning"


class Beginning:
    """The begin of each test, as long as some may be suites."""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """End a test that can't be a suite as it is written; let calls in fixtures be its own."""
        session = item.config.stash[session_key]
        name = node_name(item)
        if name in session.broken:
            from pytest_lmopt.plugin.broken import refuse

            refuse(item, session, session.broken[name])
        # here, as a test that is skipped has been by now
        if isinstance(item, pytest.Function) and name in session.suites:
            from pytest_lmopt.plugin.setting_up import begin

            begin(item, session)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register options and ini values."""
    command_line.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let others offer strategies; be before conftest files, whose hooks then come first."""
    pluginmanager.add_hookspecs(hookspecs)
    pluginmanager.register(Beginning(), BEGINNING)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; check the options; join or found the session."""
    config.addinivalue_line("markers", command_line.MARK)
    config.addinivalue_line("filterwarnings", command_line.QUIET)
    session = config.stash[session_key] = LmSession(config, read_options(config))
    if session.needs_no_keys or config.hook.pytest_lmopt_lm.get_hookimpls():
        from pytest_lmopt.lm.placeholder_keys import standing_in

        session.closing.enter_context(standing_in())
    if not session.is_worker:
        config.pluginmanager.register(OwnerHooks(session), "lmopt-owner")
    elif session.lanes > 1:
        from pytest_lmopt.plugin.worker import WorkerHooks

        config.pluginmanager.register(WorkerHooks(session), "lmopt-worker")


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Show the ledger in place of running tests, if that is what was asked for."""
    if not config.getoption("lm_ledger"):
        return None
    from pytest_lmopt.plugin.showing import show_ledger

    return show_ledger(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what the session opened."""
    if session_key in config.stash:
        config.stash[session_key].close()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Note that this run is a partial one: what it does not select is not lost."""
    for item in items[:1]:
        item.config.stash[session_key].partial = True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Refuse model calls at import under replay."""
    state = session.config.stash[session_key]
    if state.options.cache != "replay":
        return (yield)
    from pytest_lmopt.plugin.collection_calls import refused

    with refused(state):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Report a mistake that ended a test module's import in a line."""
    report = yield
    if report.failed and "pytest_lmopt.errors" in sys.modules:
        from pytest_lmopt.plugin.importing import report_in_a_line

        report_in_a_line(collector, report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Turn the selected marked tests into suites, before a worker announces its tests."""
    collecting.collect_suites(session)
    state = session.config.stash[session_key]
    if state.suites or state.broken:
        from pytest_lmopt.plugin.suite_hooks import follow_tests

        follow_tests(state, session)
    elif session.config.pluginmanager.has_plugin(BEGINNING):
        session.config.pluginmanager.unregister(name=BEGINNING)
        from pytest_lmopt.plugin.settings import drop_line

        # pytest sets up every filter three times a test
        drop_line(session.config, "filterwarnings", command_line.QUIET)
