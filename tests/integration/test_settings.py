"""Values that a mark may say, too: the option wins over the mark, the mark over the configuration.

How each option is given, taken back and mistaken is in ``tests/unit/test_option_table.py``.
"""

from __future__ import annotations

import pytest

from pytest_lmopt.plugin.session import LmSession, session_key

SUITE = """\
import pytest
ROWS = [{"inputs": {"word": f"w{i}"}, "expected": f"W{i}"} for i in range(40)]

@pytest.mark.lm_suite(dataset=ROWS)
def test_it(lm_example): pass
"""
MARKED = SUITE.replace(
    "dataset=ROWS",
    "dataset=ROWS, threshold=0.9, margin=0.1, gate='off', require_baseline=False",
)
CONFIGURATION = """\
[pytest]
lm_threshold = 0.5
lm_margin = 0.02
lm_gate = noninferior
lm_require_baseline = true
"""
TAKEN_BACK = (
    "--lm-threshold=none",
    "--lm-margin=0",
    "--lm-gate=regression",
    "--no-lm-require-baseline",
)


class Catcher:
    """Looks at a session once its suites are collected."""

    session: LmSession

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take it, and run nothing."""
        self.session = session.config.stash[session_key]
        return True


def in_suite(pytester: pytest.Pytester, *options: str) -> tuple[object, ...]:
    """Threshold, margin, gate and need of a baseline of the one suite there is."""
    catcher = Catcher()
    result = pytester.inline_run(*options, "-p", "no:cacheprovider", plugins=[catcher])
    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    marked = catcher.session.suites["test_it.py::test_it"]
    return marked.suite.threshold, marked.suite.margin, marked.gate, marked.require_baseline


def test_a_suite_has_the_values_of_the_configuration(pytester: pytest.Pytester) -> None:
    """Options give back the defaults."""
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "tox.ini").write_text(CONFIGURATION)
    assert in_suite(pytester) == (0.5, 0.02, "noninferior", True)
    assert in_suite(pytester, *TAKEN_BACK) == (None, 0.0, "regression", False)


def test_the_mark_wins_over_the_configuration(pytester: pytest.Pytester) -> None:
    """And gives way to an option, also to one that says none: no threshold counts then."""
    pytester.makepyfile(test_it=MARKED)
    (pytester.path / "tox.ini").write_text(CONFIGURATION)
    assert in_suite(pytester) == (0.9, 0.1, "off", False)
    assert in_suite(pytester, *TAKEN_BACK) == (None, 0.0, "regression", False)
    assert in_suite(pytester, "--lm-require-baseline")[-1] is True
