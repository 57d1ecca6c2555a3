"""The section on suites as pytest shows it: on terminals of any width, colour and encoding."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from doubles.terminal import Terminal
from projects.shouting import Project

SUITE = """\
import pytest
from pytest_lmopt import metrics

ROWS = [{"id": f"größe-{i}", "inputs": {"n": i}, "expected": "→" * 100} for i in range(40)]

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match, threshold=0.9)
def test_a_name_that_is_longer_than_many_a_terminal_is_wide(lm_example):
    return "→" * 99
"""
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def failing(project: Project) -> Project:
    """A project whose only suite calls no model, and fails."""
    project.write("test_long.py", SUITE)
    return project


def _section(lines: list[str]) -> list[str]:
    start = next(number for number, line in enumerate(lines) if "= lm suites =" in line)
    return lines[start + 1 :]


def test_a_narrow_terminal_in_ascii_gets_a_table_that_fits(failing: Project) -> None:
    """Coloured, in words and signs that it has, and with nothing wider than it is."""
    terminal = Terminal(columns=60)
    status = terminal.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        folder=failing.path,
        environment={"PYTHONIOENCODING": "ascii", "PY_COLORS": "1"},
    )
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "\x1b[1;31mno baseline, failed\x1b[0m" in terminal.written
    assert terminal.written.isascii()
    lines = _section(COLOUR.sub("", terminal.written).splitlines())
    assert max(map(len, lines[:4])) <= 60
    assert "..." in lines[2]
    expected, got = (
        next(line for line in lines if line.lstrip().startswith(name))
        for name in ("expected", "got")
    )
    assert max(len(expected), len(got)) <= 60
    assert expected.endswith("->->")
    assert any(line.endswith(r"gr\xf6\xdfe-0") for line in lines)


@pytest.mark.parametrize(("encoding", "options"), [("ascii", ()), ("cp1252", ("-n", "1"))])
def test_pytests_own_words_of_a_failure_are_spelt_in_signs_it_has(
    failing: Project, encoding: str, options: tuple[str, ...]
) -> None:
    """As in our section; workers know the terminal of their controller."""
    failing.write("test_long.py", SUITE.replace(", threshold=0.9", "").replace("* 99", "* 100"))
    failing.run("--lm-snapshot-update").assert_outcomes(passed=1)
    failing.write("test_long.py", SUITE.replace(", threshold=0.9", ""))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=failing.path,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    lines = run.stdout.decode(encoding).splitlines()
    (told,) = [line for line in lines if line.startswith("failed: regressed against the baseline")]
    assert "1.000 -> 0.000 on" in told


def test_colours_can_be_had_or_not(failing: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pytest's own are: by --color or NO_COLOR."""
    monkeypatch.delenv("PY_COLORS")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert COLOUR.search("\n".join(_section(failing.run().outlines)))
    assert not COLOUR.search(failing.run("--color=no").stdout.str())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(failing.run().stdout.str())


def test_quiet_runs_show_the_table_or_nothing(failing: Project) -> None:
    """-q keeps the table, -qq leaves pytest's own words."""
    quiet = failing.run("-q").stdout.str()
    assert "no baseline, failed" in quiet
    assert "below 1" not in quiet
    assert "lm suites" not in failing.run("-qq").stdout.str()


def test_commands_are_for_the_folder_pytest_was_started_in(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for the root folder, which suites are named by."""
    (project.path / "deep").mkdir()
    project.write("deep/test_long.py", SUITE.replace("threshold=0.9", ""))
    monkeypatch.chdir(project.path / "deep")
    project.run().stdout.fnmatch_lines(
        ["deep/test_long.py::*", "no baseline yet; *: pytest test_long.py::test_a* --lm-snapshot-*"]
    )
