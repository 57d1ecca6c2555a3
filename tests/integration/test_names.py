"""Each suite has a name, a table line, a journal and a snapshot that no other suite has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import MIRROR, PIPELINE, SHOUT, Project

SUITE = """\
import pytest
from pytest_lmopt import Budget, metrics

ROWS = [{{"id": f"w{{i}}", "inputs": {{"word": f"w{{i}}"}}, "expected": f"W{{i}}"}}
        for i in range(40)]
suite = pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
{body}
"""
RIGHT = "return lm_example.inputs['word'].upper()"
WRONG = "return 'no'"


def write(folder: Path, name: str, body: str) -> None:
    """A test file, with the folders it lies in."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SUITE.format(body=body))


def suite(name: str, does: str) -> str:
    """A suite that is a function."""
    return f"@suite\ndef {name}(lm_example):\n    {does}\n"


def twins(pytester: pytest.Pytester) -> list[str]:
    """Two files outside of the root folder whose tests pytest gives one node id."""
    (pytester.path / "config").mkdir()
    (pytester.path / "config/pytest.ini").write_text("[pytest]\n")
    write(pytester.path, "unit/test_a.py", suite("test_same", RIGHT))
    write(pytester.path, "evals/test_a.py", suite("test_same", WRONG))
    return ["--import-mode=importlib", "-c", "config/pytest.ini", "unit", "evals"]


def scores(pytester: pytest.Pytester, options: Sequence[str], **outcomes: int) -> dict[str, Any]:
    """Each suite's score by its name, as reported."""
    run = pytester.runpytest_subprocess if "-n" in options else pytester.runpytest_inprocess
    result = run("-p", "no:cacheprovider", *options, "--lm-report=json:lm.json")
    result.assert_outcomes(**outcomes)
    shown = json.loads((pytester.path / "lm.json").read_text())["suites"]
    for suite in shown:
        assert any(line.startswith(suite["suite"][:20]) for line in result.outlines)
    found = {suite["suite"]: suite["score"] for suite in shown}
    assert len(found) == len(shown)
    return found


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_suites_with_one_node_id_are_two_suites(
    pytester: pytest.Pytester, workers: Sequence[str]
) -> None:
    """Files outside of the root folder are named by the way that leads to them."""
    assert scores(pytester, [*twins(pytester), *workers], passed=2) == {
        "../unit/test_a.py::test_same": 1.0,
        "../evals/test_a.py::test_same": 0.0,
    }


def test_modules_with_one_node_id_have_budgets_of_their_own(pytester: pytest.Pytester) -> None:
    """What one spends, the other may still spend."""
    options = twins(pytester)
    for folder in ("unit", "evals"):
        path = pytester.path / folder / "test_a.py"
        path.write_text(path.read_text() + "pytestmark = pytest.mark.lm_suite(budget=Budget())\n")
    pytester.makeconftest(
        """
        from pytest_lmopt.plugin.session import session_key

        def pytest_collection_finish(session):
            for suite in session.config.stash[session_key].suites.values():
                print("budgets of", *(budget.owner for budget in suite.budgets))
        """
    )
    result = pytester.runpytest_inprocess(*options, f"--confcutdir={pytester.path}", "-s")
    result.stdout.fnmatch_lines(["*budgets of ../unit/test_a.py", "*budgets of ../evals/test_a.py"])


def test_a_root_folder_elsewhere_gives_ids_that_repeat_too(pytester: pytest.Pytester) -> None:
    """With ``--rootdir``, as with ``-c``."""
    options = [option for option in twins(pytester) if option not in ("-c", "config/pytest.ini")]
    found = scores(pytester, ["--rootdir=config", *options], passed=2)
    assert sorted(found.values()) == [0.0, 1.0]


def test_a_hook_that_rewrites_node_ids_does_not_join_suites(pytester: pytest.Pytester) -> None:
    """The name is that of the file and the test."""
    write(pytester.path, "test_a.py", suite("test_one", RIGHT) + suite("test_two", WRONG))
    pytester.makeconftest(
        """
        def pytest_collection_modifyitems(items):
            for item in items:
                item._nodeid = "evaluation"
        """
    )
    assert scores(pytester, [], passed=2) == {
        "test_a.py::test_one": 1.0,
        "test_a.py::test_two": 0.0,
    }


def test_a_path_given_twice_is_the_same_suite(pytester: pytest.Pytester) -> None:
    """It is collected twice, and has one line."""
    write(pytester.path, "test_a.py", suite("test_one", RIGHT))
    options = ["--keep-duplicates", "test_a.py", "test_a.py"]
    assert scores(pytester, options, passed=2) == {"test_a.py::test_one": 1.0}


def test_an_inherited_test_is_a_suite_of_each_class(pytester: pytest.Pytester) -> None:
    """Its code is the same, its class is not."""
    body = f"""
class Words:
    {
        suite("test_it", "return self.shout(lm_example)")
        .replace("(lm", "(self, lm", 1)
        .replace(chr(10), chr(10) + "    ")
    }

class TestRight(Words):
    def shout(self, lm_example):
        {RIGHT}

class TestWrong(Words):
    def shout(self, lm_example):
        {WRONG}
"""
    write(pytester.path, "test_a.py", body)
    assert scores(pytester, [], passed=2) == {
        "test_a.py::TestRight::test_it": 1.0,
        "test_a.py::TestWrong::test_it": 0.0,
    }


EQUAL_IDS = """
@pytest.mark.parametrize("first", ["1", "1-1"])
@pytest.mark.parametrize("second", ["1", "1-1"])
@suite
def test_it(lm_example, first, second):
    return first
"""
RENAMED = """
def pytest_collection_modifyitems(items):
    for item in items:
        item.name = "test_it"
"""
OTHER_FILES = """
import pytest, types

class Notebook(pytest.Module):
    def _getobj(self):
        module = types.ModuleType("notebook")
        exec(compile(self.path.read_text(), str(self.path), "exec"), module.__dict__)
        return module

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".book":
        return Notebook.from_parent(parent, path=file_path)
"""


@pytest.mark.parametrize(
    ("files", "conftest", "named"),
    [
        ({"test_a.py": EQUAL_IDS}, "", ["second='1'", "second='1-1'"]),
        (
            {"test_a.py": suite("test_one", RIGHT) + suite("test_two", WRONG)},
            RENAMED,
            ["test_one", "test_two"],
        ),
        (
            {"test_a.py": suite("test_it", RIGHT) + suite("test_IT", WRONG)},
            "",
            ["test_it", "test_IT"],
        ),
        (
            {"test_a.py": suite("test_it", RIGHT), "test_a.book": suite("test_it", WRONG)},
            OTHER_FILES,
            ["test_a.py", "test_a.book"],
        ),
        (
            {"test_a.py": suite("test_it", RIGHT), "test_A.py": suite("test_it", WRONG)},
            "",
            ["test_a.py", "test_A.py"],
        ),
    ],
    ids=["parameters", "renamed", "case", "stem", "file-case"],
)
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_two_tests_that_can_not_be_told_apart_are_refused(
    pytester: pytest.Pytester,
    files: dict[str, str],
    conftest: str,
    named: Sequence[str],
    workers: Sequence[str],
) -> None:
    """One name, or one snapshot file, would stand for both; the message names both."""
    for name, body in files.items():
        write(pytester.path, name, body)
    pytester.makeconftest(conftest)
    run = pytester.runpytest_subprocess if workers else pytester.runpytest_inprocess
    result = run("-p", "no:cacheprovider", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (shown,) = [line for line in result.errlines if line.startswith("ERROR: two different tests")]
    assert all(name in shown for name in [*files, *named])


def test_prompt_files_of_one_name_outside_of_the_root_are_both_watched(
    project: Project, model: FunctionModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Reports have no absolute paths, so the name is that of both; a change to either is seen."""
    outside = tmp_path_factory.mktemp("outside")
    for folder in ("a", "b"):
        (outside / folder).mkdir()
        (outside / folder / "shout.yaml").write_text(SHOUT)
    (outside / "b/shout.yaml").write_text(MIRROR)
    pipeline = PIPELINE.replace('HERE / "shout', f'Path("{outside}/a") / "shout')
    project.write(
        "pipeline.py", pipeline.replace('HERE / "mirror', f'Path("{outside}/b") / "shout')
    )
    project.suite(examples=40)
    text = (project.path / "test_words.py").read_text().replace("one_step", "two_steps")
    project.write("test_words.py", text)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    for folder in ("a", "b"):
        path = outside / folder / "shout.yaml"
        before = path.read_text()
        path.write_text(before.replace("the word", "this word"))
        assert path.read_text() != before
        result = project.run()
        result.stdout.fnmatch_lines(["*changed since the baseline: shout.yaml*"])
        path.write_text(before)


def test_long_names_that_begin_alike_have_files_of_their_own(pytester: pytest.Pytester) -> None:
    """A name too long for a file is cut, and shown apart by a digest of all of it."""
    names = [f"test_{'long_' * 40}{end}" for end in ("a", "b")]
    write(pytester.path, "test_a.py", suite(names[0], RIGHT) + suite(names[1], WRONG))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--lm-snapshot-update")
    result.assert_outcomes(passed=2)
    assert len(list((pytester.path / "__lm_snapshots__/test_a").glob("*.yaml"))) == 2
