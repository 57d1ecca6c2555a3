"""After collection: every selected marked test becomes a suite, or an error of its own."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

import pytest
from _pytest.mark.structures import get_unpacked_marks
from _pytest.nodes import Node

from pytest_lmopt.plugin.names import FIXTURE_NAME, MARK_NAME, clash, node_name
from pytest_lmopt.plugin.session import LmSession, session_key
from pytest_lmopt.suites.places import name_below

if TYPE_CHECKING:
    from pytest_lmopt.errors import LmoptError


def is_suite(item: pytest.Item) -> bool:
    """Whether a test is one of those that lm_suite concerns.

    A mark written at the test itself, or at its parameter, always concerns it. A mark of its class,
    module or folder, or one that a hook adds, is a default for the tests that take lm_example.
    """
    if not isinstance(item, pytest.Function) or item.get_closest_marker(MARK_NAME) is None:
        return False
    return _takes_example(item) or any(mark.name == MARK_NAME for mark in _own_marks(item))


def _is_marked(node: Node, above: dict[Node, bool]) -> bool:
    """Whether a node or one above it has the mark; ``above`` keeps what is known of those."""
    if any(mark.name == MARK_NAME for mark in node.own_markers):
        return True
    parent = node.parent
    if parent is None:
        return False
    if parent not in above:
        above[parent] = _is_marked(parent, above)
    return above[parent]


def _takes_example(item: pytest.Item) -> bool:
    return FIXTURE_NAME in getattr(item, "fixturenames", ())


def _own_marks(item: pytest.Function) -> list[pytest.Mark]:
    callspec = getattr(item, "callspec", None)
    return [*get_unpacked_marks(item.obj), *(callspec.marks if callspec is not None else ())]


def collect_suites(session: pytest.Session) -> None:
    """Read and check all suites among the selected tests; nothing is loaded if there are none.

    What is wrong with one becomes its error when it runs. Editors only ask for a list of tests.
    """
    state = session.config.stash[session_key]
    if session.config.option.collectonly:
        return
    above: dict[Node, bool] = {}
    concerned = [item for item in session.items if _takes_example(item) or _is_marked(item, above)]
    marked = [item for item in concerned if isinstance(item, pytest.Function) and is_suite(item)]
    unmarked = [item for item in concerned if _takes_example(item) and not is_suite(item)]
    for item in unmarked:
        note_broken(
            state,
            item,
            f"{item.nodeid}: lm_example is for suites; mark the test with "
            "@pytest.mark.lm_suite(dataset=...)",
        )
    if not marked:
        return
    from pytest_lmopt.plugin.orphans import find_orphans, former_snapshots

    if state.copies > 1:
        reject(
            state,
            marked[0],
            f"{marked[0].nodeid}: under --dist each every one of the {state.copies} workers would "
            f"run this suite and pay for its calls; share the work instead with -n {state.copies}, "
            "or run pytest once for each environment",
        )
    problem = clash(marked)
    if problem is not None:
        reject(state, marked[0], problem)
    for item in {node_name(item): item for item in marked}.values():  # a suite may have many lanes
        _read(item, state)
    shared = _shared_problem(state)
    if shared is not None:
        for name, item in {node_name(item): item for item in marked}.items():
            state.suites.pop(name, None)
            note_broken(state, item, str(shared), shared)
    if state.suites:
        _find_cluster(state)
    if not _partial(session, state):
        found = find_orphans([*state.suites.values(), *state.broken.values()])
        if not state.options.keep_orphans:  # those are kept on purpose, not for a new name
            state.former = former_snapshots(state.suites, found)
        names = (name_below(path, state.root) for path in found)
        state.orphans = tuple(name for name in names if name is not None)


def _shared_problem(state: LmSession) -> LmoptError | None:
    """What no suite of the session can be run for."""
    from pytest_lmopt.errors import InputError

    try:
        _ = state.committed
    except InputError as error:
        return error
    return state.collecting.stop if state.collecting is not None else None


def _read(item: pytest.Function, state: LmSession) -> None:
    from pytest_lmopt.errors import DatasetError, InputError
    from pytest_lmopt.plugin.marks import suite_of

    try:
        state.suites[node_name(item)] = suite_of(item, state.options)
    except DatasetError as error:
        cause = error.__cause__
        if isinstance(cause, pytest.exit.Exception):
            raise cause from None
        if isinstance(cause, unittest.SkipTest):
            return note_broken(state, item, str(cause), skipped=True)
        # which may be used by several tests, and knows of none
        note_broken(state, item, f"{node_name(item)}: {error}", error)
    except InputError as error:
        note_broken(state, item, str(error), error)
    except pytest.exit.Exception:
        raise
    except pytest.skip.Exception as outcome:
        note_broken(state, item, str(outcome), skipped=True)
    except (Exception, SystemExit, pytest.fail.Exception) as error:
        # a repr, a comparison, or whatever else of the user's code the mark leads to
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        note_broken(state, item, f"{node_name(item)}: raised {problem}", error)


def note_broken(
    state: LmSession,
    item: pytest.Item,
    problem: str,
    error: BaseException | None = None,
    *,
    skipped: bool = False,
) -> None:
    """Let a test end with a problem once it is its turn, or be skipped for it."""
    from pytest_lmopt.plugin.broken import broken_suite

    state.broken[node_name(item)] = broken_suite(item, state, problem, error, skipped=skipped)


def _partial(session: pytest.Session, state: LmSession) -> bool:
    """Whether some tests of the files collected may have been left out."""
    config = session.config
    if session.testsfailed:  # what can't be collected may hold suites
        return True
    # --lf leaves them out of what a file collects, and so without pytest_deselected
    last_failed = bool(config.getoption("lf", False))
    return state.partial or last_failed or any("::" in argument for argument in config.args)


def _find_cluster(state: LmSession) -> None:
    if state.options.executor is not None:
        from pytest_lmopt.plugin.clustering import connect

        connect(state)


def reject(state: LmSession, node: Node, problem: str) -> None:
    """Refuse to run; a worker has the controller do it, before that hands out any test."""
    if not state.is_worker:
        raise pytest.UsageError(problem)
    report = pytest.CollectReport(node.nodeid, "failed", problem, [], lm_problem=problem)
    node.ihook.pytest_collectreport(report=report)
