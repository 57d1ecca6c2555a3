"""Strategies of the user's own: by a hook or an entry point, and the README's as the first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from projects.shouting import Project

README = Path(__file__).parents[2] / "README.md"

WARNING = "LmoptDeprecationWarning"

CONFTEST = """\
def pytest_lmopt_strategies():
    return {%s}
"""


def _from_readme(file: str) -> str:
    """The block of the README that begins with the file's name."""
    blocks = re.findall(r"```\w+\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (text,) = (block for block in blocks if block.startswith(f"# {file}\n"))
    return str(text)


@pytest.fixture
def installed(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with the README's strategy installed beside it as a package would be."""
    project.write("polite.py", _from_readme("polite.py"))
    _offer(project, "polite = polite:Polite")
    monkeypatch.syspath_prepend(str(project.path))
    return project


def _offer(project: Project, *entries: str, group: str = "pytest_lmopt.strategies") -> None:
    folder = project.path / "polite-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: polite\nVersion: 1.0\n")
    lines = "\n".join([f"[{group}]", *entries])
    (folder / "entry_points.txt").write_text(lines + "\n")


def test_the_readmes_strategy_searches(installed: Project) -> None:
    """By the name of its entry point."""
    installed.suite("budget=Budget(calls=300)", examples=100)
    result = installed.run("--lm-optimize=polite")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*search: polite, 3 candidates raced*"])


def test_the_readmes_strategy_keeps_the_contract(installed: Project) -> None:
    """Its test class, as the README has it."""
    installed.write("test_polite.py", _from_readme("test_polite.py"))
    result = installed.run("test_polite.py")
    assert result.parseoutcomes()["passed"] > 10
    assert result.ret == pytest.ExitCode.OK


def test_a_conftest_may_offer_one(project: Project) -> None:
    """Without a package."""
    project.write("polite.py", _from_readme("polite.py"))
    project.write("conftest.py", "from polite import Polite\n" + CONFTEST % '"mine": Polite')
    project.suite("budget=Budget(calls=300)", examples=100)
    result = project.run("--lm-optimize=mine")
    result.stdout.fnmatch_lines(["*search: mine, 3 candidates raced*"])


def test_the_former_group_of_entry_points_is_read_with_a_warning(installed: Project) -> None:
    """Once, for the strategy asked for, unless its package has it in the new group, too."""
    entry, old = "polite = polite:Polite", "pytest_lmopt.optimizers"
    installed.suite()
    _offer(installed, entry, group=old)
    result = installed.run("--lm-optimize=polite", "--collect-only")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            f"*{WARNING}: the package polite offers the strategy 'polite' in the former "
            "entry-point group pytest_lmopt.optimizers. Use the group pytest_lmopt.strategies"
        ]
    )
    assert result.stdout.str().count(f"{WARNING}: ") == 1
    assert WARNING not in installed.run("--lm-optimize=auto", "--collect-only").stdout.str()
    _offer(installed, entry, f"[{old}]", entry)
    result = installed.run("--lm-optimize=polite", "--collect-only")
    assert result.ret == pytest.ExitCode.OK
    assert WARNING not in result.stdout.str()


def test_the_former_hook_is_read_with_a_warning(project: Project) -> None:
    """It names the conftest file."""
    project.write("polite.py", _from_readme("polite.py"))
    former = CONFTEST.replace("pytest_lmopt_strategies", "pytest_lmopt_optimizers")
    project.write("conftest.py", "from polite import Polite\n" + former % '"mine": Polite')
    project.suite()
    result = project.run("--lm-optimize=mine", "--collect-only")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            f"*{WARNING}: the hook pytest_lmopt_optimizers of *conftest.py has its "
            "former name. Rename it pytest_lmopt_strategies"
        ]
    )
    assert result.stdout.str().count(f"{WARNING}: ") == 1
    result = project.run("--lm-optimize=mine", "-Werror::pytest_lmopt.errors." + WARNING)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*Rename it pytest_lmopt_strategies"])


@pytest.mark.parametrize(
    ("offered", "asked", "message"),
    [
        ("", "mine", "unknown strategy 'mine'; expected one of *auto*bootstrap*"),
        (
            "",
            "conftest.py",
            "unknown strategy 'conftest.py'; *write --lm-optimize=auto conftest.py*",
        ),
        ('"auto": object', "auto", "'auto' is the name of 2 strategies, of pytest-lmopt and the*"),
        ('"mine": 1 / 0', "mine", "a hook pytest_lmopt_strategies raised ZeroDivisionError: *"),
        ('"mine": lambda settings: 1 / 0', "mine", "'mine' of the hook *can't be made: ZeroDiv*"),
        ('"mine": lambda settings: settings', "mine", "*has no 'async def propose(self, hist*"),
        (
            '"mine"',
            "mine",
            "a hook pytest_lmopt_strategies returned {'mine'}; expected a mapping *",
        ),
        (
            "object: object",
            "mine",
            "a hook pytest_lmopt_strategies returned {<class*; expected a map*",
        ),
    ],
)
def test_mistakes_of_a_hook_are_usage_errors(
    project: Project, offered: str, asked: str, message: str
) -> None:
    """Told before anything is run."""
    project.write("conftest.py", CONFTEST % offered)
    project.suite()
    result = project.run(f"--lm-optimize={asked}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{message}"])


def test_mistakes_of_a_package_are_usage_errors(installed: Project) -> None:
    """What can't be imported, and a name that two of its entries bear; others do not suffer."""
    _offer(installed, "gone = gone:Gone", "bootstrap = polite:Polite")
    installed.suite()
    for asked, message in (
        ("gone", "*'gone' of the entry point gone:Gone can't be made: ModuleNotFoundError*"),
        ("bootstrap", "*'bootstrap' is the name of 2 strategies, of * and the entry point polite*"),
    ):
        result = installed.run(f"--lm-optimize={asked}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([message])
    assert installed.run("--lm-optimize", "--collect-only").ret == pytest.ExitCode.OK
