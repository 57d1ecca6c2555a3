"""After collection: every selected marked test becomes a suite, or a usage error."""

from __future__ import annotations

import pytest

from pytest_lmopt.plugin.session import session_key

MARK_NAME = "lm_suite"
FIXTURE_NAME = "lm_example"


def collect_suites(session: pytest.Session) -> None:
    """Read and check all suites among the selected tests; nothing is loaded if there are none."""
    marked = []
    for item in session.items:
        if item.get_closest_marker(MARK_NAME) is None:
            if FIXTURE_NAME in getattr(item, "fixturenames", ()):
                raise pytest.UsageError(
                    f"{item.nodeid}: lm_example is for suites; mark the test with "
                    "@pytest.mark.lm_suite(dataset=...)"
                )
            continue
        if not isinstance(item, pytest.Function):
            raise pytest.UsageError(f"{item.nodeid}: lm_suite marks test functions only")
        marked.append(item)
    if not marked:
        return
    from pytest_lmopt.errors import InputError
    from pytest_lmopt.plugin.marks import suite_of
    from pytest_lmopt.plugin.orphans import find_orphans

    state = session.config.stash[session_key]
    for item in marked:
        try:
            state.suites[item.nodeid] = suite_of(item, state.options)
        except InputError as error:
            raise pytest.UsageError(str(error)) from None
    if not state.partial and not any("::" in argument for argument in session.config.args):
        found = find_orphans(state.suites.values())
        state.orphans = tuple(path.relative_to(state.root).as_posix() for path in found)
