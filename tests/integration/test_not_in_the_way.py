"""With the plugin installed and no suite selected, pytest runs as if it were not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HEAVY = ("litellm", "scipy", "numpy", "optuna", "jinja2", "yaml", "ruamel")
UNUSED = ("asyncio", "ssl", "sqlite3", "tabulate", "wcwidth")
OURS = (
    *("clock", "plugin", "strategies", "strategies.registry", "suites", "suites.places"),
    *(f"plugin.{name}" for name in ("collecting", "command_line", "fixtures", "hooks")),
    *(f"plugin.{name}" for name in ("hookspecs", "names", "offering", "option_table")),
    *(f"plugin.{name}" for name in ("option_values", "options", "owner", "session", "settings")),
)
"""All that a run without a suite loads of ours: options, names of tests, an empty session."""


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_nothing_heavy_is_imported_and_nothing_printed(
    pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    """Neither without workers nor in them; and no state folder is made."""
    pytester.makepyfile(
        f"""
        import sys
        import pytest

        def test_ordinary():
            loaded = [name for name in {HEAVY!r} if name in sys.modules]
            assert loaded == []

        @pytest.mark.lm_suite(dataset="nowhere.jsonl")
        def test_deselected(lm_example):
            pass
        """
    )
    result = pytester.runpytest_subprocess("-k", "ordinary", *options)
    result.assert_outcomes(passed=1, deselected=0 if options else 1)
    output = result.stdout.str().replace("lmopt-0", "")
    assert "lm suites" not in output
    assert not (Path(pytester.path) / ".lmopt").exists()


def test_a_run_without_a_suite_loads_options_and_little_else(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a run takes at most 2 % more CPU than one without the plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        f"""
        import sys

        def test_ordinary(pytestconfig):
            begin = "pytest_lmopt."
            ours = {{name.removeprefix(begin) for name in sys.modules if name.startswith(begin)}}
            assert ours <= set({OURS!r})
            assert [name for name in {UNUSED!r} if name in sys.modules] == []
            hooks = pytestconfig.hook
            for hook in (hooks.pytest_runtest_setup, hooks.pytest_runtest_logreport):
                assert not [each for each in hook.get_hookimpls() if "lmopt" in each.plugin_name]
        """
    )
    pytester.runpytest_subprocess("-p", "lmopt").assert_outcomes(passed=1)


def test_importing_the_package_loads_none_of_its_modules(pytester: pytest.Pytester) -> None:
    """Each name is loaded when it is first used."""
    code = "import sys, pytest_lmopt; print(*(n for n in sys.modules if n.startswith('pytest_lm')))"
    assert pytester.run(sys.executable, "-c", code).outlines == ["pytest_lmopt"]


def test_a_suite_loads_what_it_uses(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores of 0 and 1 need no statistics library, a run without a search no strategy."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    unused = (*HEAVY, "tabulate", "wcwidth", "pytest_lmopt.strategies.search")
    pytester.makepyfile(
        """
        import pytest

        ROWS = [{"inputs": {"n": n}, "expected": n % 2, "split": "dev"} for n in range(20)]

        @pytest.mark.lm_suite(dataset=ROWS, metric=lambda example, got: got == example.expected)
        def test_scored(lm_example):
            return 1
        """
    )
    pytester.makeconftest(
        f"""
        import sys

        def pytest_unconfigure():
            print("loaded:", *(name for name in {unused!r} if name in sys.modules))
        """
    )
    result = pytester.runpytest_subprocess("-p", "lmopt")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*0.500*"])
    assert "loaded:" in [line.strip() for line in result.outlines]
