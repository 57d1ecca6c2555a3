"""After collection: every selected marked test becomes a suite, or a usage error."""

from __future__ import annotations

import pytest

from pytest_lmopt.plugin.session import LmSession, session_key

MARK_NAME = "lm_suite"
FIXTURE_NAME = "lm_example"


def collect_suites(session: pytest.Session) -> None:
    """Read and check all suites among the selected tests; nothing is loaded if there are none."""
    state = session.config.stash[session_key]
    marked = []
    for item in session.items:
        is_marked = item.get_closest_marker(MARK_NAME) is not None
        if is_marked and isinstance(item, pytest.Function):
            marked.append(item)
        elif is_marked:
            _reject(state, item, f"{item.nodeid}: lm_suite marks test functions only")
        elif FIXTURE_NAME in getattr(item, "fixturenames", ()):
            _reject(
                state,
                item,
                f"{item.nodeid}: lm_example is for suites; mark the test with "
                "@pytest.mark.lm_suite(dataset=...)",
            )
    if not marked:
        return
    from pytest_lmopt.errors import InputError
    from pytest_lmopt.plugin.marks import suite_of
    from pytest_lmopt.plugin.orphans import find_orphans

    for item in marked:
        if item.nodeid in state.suites or item.nodeid in state.problems:
            continue  # another lane of the same suite
        try:
            state.suites[item.nodeid] = suite_of(item, state.options)
        except InputError as error:
            _reject(state, item, str(error))
    try:
        _ = state.committed
    except InputError as error:
        for item in marked:
            _reject(state, item, str(error))
    if state.options.executor is not None and not session.config.option.collectonly:
        from pytest_lmopt.plugin.clustering import connect

        connect(state)
    whole = not any("::" in argument for argument in session.config.args)
    if whole and not state.partial and not state.problems:
        found = find_orphans(state.suites.values())
        state.orphans = tuple(
            path.relative_to(state.root).as_posix()
            for path in found
            if path.is_relative_to(state.root)
        )


def _reject(state: LmSession, item: pytest.Item, problem: str) -> None:
    """Refuse to run; a worker, which can't, fails the test instead."""
    if not state.is_worker:
        raise pytest.UsageError(problem)
    state.problems[item.nodeid] = problem
