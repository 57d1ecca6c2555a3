"""pytest's hooks in every process; each only delegates. The session's owner has more."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from functools import partial

import pytest

from pytest_lmopt.lm.placeholder_keys import standing_in
from pytest_lmopt.plugin import collecting, command_line, hookspecs
from pytest_lmopt.plugin.fixtures import lm_example, lm_model
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.options import read_options
from pytest_lmopt.plugin.owner import OwnerHooks
from pytest_lmopt.plugin.session import LmSession, session_key
from pytest_lmopt.plugin.setting_up import SettingUp, begin

__all__ = ["lm_example", "lm_model"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register options and ini values."""
    command_line.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let others offer strategies."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; check the options; join or found the session."""
    config.addinivalue_line("markers", command_line.MARK)
    config.addinivalue_line("filterwarnings", command_line.QUIET)
    session = config.stash[session_key] = LmSession(config, read_options(config))
    if session.needs_no_keys or config.hook.pytest_lmopt_lm.get_hookimpls():
        session.closing.enter_context(standing_in())
    config.pluginmanager.register(SettingUp(session), "lmopt-setting-up")
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


def pytest_runtest_setup(item: pytest.Item) -> None:
    """End a test that can't be a suite as it is written; let calls in fixtures be the suite's."""
    session = item.config.stash[session_key]
    if session.broken and node_name(item) in session.broken:
        from pytest_lmopt.plugin.broken import refuse

        refuse(item, session, session.broken[node_name(item)])
    # here, as a test that is skipped has been by now
    if isinstance(item, pytest.Function) and node_name(item) in session.suites:
        begin(item, session)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Put a suite in place of its test function, whichever plugin would have called that."""
    session = item.config.stash[session_key]
    if not session.suites:
        return
    if isinstance(item, pytest.Function) and node_name(item) in session.suites:
        from pytest_lmopt.plugin.running import run_suite

        item.runtest = partial(run_suite, item, session)  # type: ignore[method-assign]
