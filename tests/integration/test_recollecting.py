"""The controller of workers collects the tests it must run again, and nobody notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lmopt.plugin.recollecting import item_of
from pytest_lmopt.plugin.session import LmSession, session_key

SUITE = """\
import pytest
from pytest_lmopt import metrics

@pytest.mark.lm_suite(dataset=[{"inputs": {"n": 1}, "expected": 1}], metric=metrics.exact_match)
def test_one(lm_example):
    return 1
"""
NAME = "test_suite.py::test_one"

Controller = tuple[LmSession, pytest.Session]


@pytest.fixture
def controller(pytester: pytest.Pytester) -> Controller:
    """A run that has collected nothing, of a project with a suite and the snapshot of another."""
    pytester.makepyfile(test_suite=SUITE)
    snapshot = Path("__lm_snapshots__/test_suite/test_two.yaml")
    (pytester.path / snapshot).parent.mkdir(parents=True)
    (pytester.path / snapshot).write_text("format: 1\n")
    # that plugin collects garbage five times over at the end
    config = pytester.parseconfigure("-p", "no:unraisableexception")
    run = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=run)
    return config.stash[session_key], run


def test_the_test_is_found_and_nothing_is_printed_or_counted(
    controller: Controller, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is what only a whole collection can know taken from this one."""
    session, run = controller
    capsys.readouterr()  # pytest's header
    assert item_of(session, run, NAME).nodeid == NAME
    assert NAME in session.suites
    assert (run.testscollected, session.orphans, capsys.readouterr().out) == (0, (), "")
    assert run.config.pluginmanager.has_plugin("terminalreporter")
    found = run.items[0]
    assert item_of(session, run, NAME) is found


def test_what_only_workers_can_import_is_told_and_reported_nowhere(
    controller: Controller, pytester: pytest.Pytester
) -> None:
    """The run is not red for it, and no snapshot counts as orphaned."""
    session, run = controller
    pytester.makepyfile(test_worker="import os; os.environ['ONLY_IN_WORKERS']")
    with pytest.raises(pytest.UsageError) as raised:
        item_of(session, run, NAME)
    told = "run again without -n: the process that hands out tests can't collect test_worker.py: "
    assert str(raised.value) == told + "KeyError: 'ONLY_IN_WORKERS'"
    assert (run.testsfailed, session.orphans) == (0, ())


def test_a_test_that_is_not_there_is_told_of(controller: Controller) -> None:
    """As where a conftest chooses by the process it is in."""
    with pytest.raises(pytest.UsageError, match=r"run again without -n: .* can't find it"):
        item_of(*controller, "test_suite.py::test_two")
