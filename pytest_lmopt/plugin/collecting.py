"""After collection: every selected marked test becomes a suite, or a usage error."""

from __future__ import annotations

import pytest
from _pytest.nodes import Node

from pytest_lmopt.plugin.session import LmSession, session_key

MARK_NAME = "lm_suite"
FIXTURE_NAME = "lm_example"
MODEL_NAME = "lm_model"


def collect_suites(session: pytest.Session) -> None:
    """Read and check all suites among the selected tests; nothing is loaded if there are none."""
    state = session.config.stash[session_key]
    marked = []
    for item in session.items:
        is_marked = item.get_closest_marker(MARK_NAME) is not None
        if is_marked and isinstance(item, pytest.Function):
            marked.append(item)
        elif is_marked:
            reject(state, item, f"{item.nodeid}: lm_suite marks test functions only")
        elif FIXTURE_NAME in getattr(item, "fixturenames", ()):
            reject(
                state,
                item,
                f"{item.nodeid}: lm_example is for suites; mark the test with "
                "@pytest.mark.lm_suite(dataset=...)",
            )
    if not marked:
        return
    from pytest_lmopt.errors import DatasetError, InputError
    from pytest_lmopt.plugin.marks import suite_of
    from pytest_lmopt.plugin.orphans import find_orphans

    if state.copies > 1:
        reject(
            state,
            marked[0],
            f"{marked[0].nodeid}: under --dist each every one of the {state.copies} workers would "
            f"run this suite and pay for its calls; share the work instead with -n {state.copies}, "
            "or run pytest once for each environment",
        )
    for item in {item.nodeid: item for item in marked}.values():  # a suite may have several lanes
        try:
            state.suites[item.nodeid] = suite_of(item, state.options)
        except DatasetError as error:
            # which may be used by several tests, and knows of none
            reject(state, item, f"{item.nodeid}: {error}", error)
        except InputError as error:
            reject(state, item, str(error), error)
    try:
        _ = state.committed
    except InputError as error:
        for item in marked:
            reject(state, item, str(error), error)
    _find_cluster(session, state)
    if not _partial(session.config, state):
        found = find_orphans(state.suites.values())
        state.orphans = tuple(
            path.relative_to(state.root).as_posix()
            for path in found
            if path.is_relative_to(state.root)
        )


def _partial(config: pytest.Config, state: LmSession) -> bool:
    """Whether some tests of the files collected may have been left out."""
    # --lf leaves them out of what a file collects, and so without pytest_deselected
    last_failed = bool(config.getoption("lf", False))
    return state.partial or last_failed or any("::" in argument for argument in config.args)


def _find_cluster(session: pytest.Session, state: LmSession) -> None:
    if state.options.executor is not None and not session.config.option.collectonly:
        from pytest_lmopt.plugin.clustering import connect

        connect(state)


def reject(state: LmSession, node: Node, problem: str, error: BaseException | None = None) -> None:
    """Refuse to run; a worker has the controller do it, before that hands out any test."""
    if error is not None and state.options.debug:
        from pytest_lmopt.plugin.debugging import traceback_of

        problem += f"\n{traceback_of(error)}"
    if not state.is_worker:
        raise pytest.UsageError(problem)
    report = pytest.CollectReport(node.nodeid, "failed", problem, [], lm_problem=problem)
    node.ihook.pytest_collectreport(report=report)
