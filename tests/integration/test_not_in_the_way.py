"""With the plugin installed and no suite selected, pytest runs as if it were not there."""

from __future__ import annotations

from pathlib import Path

import pytest

HEAVY = ("litellm", "scipy", "numpy", "optuna", "jinja2", "yaml", "ruamel")


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
