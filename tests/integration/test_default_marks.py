"""A mark on a class, module or folder is a default for the tests in it that take lm_example."""

from __future__ import annotations

import pytest
from projects.shouting import Project

HEAD = """\
import unittest
import pytest
from pytest_lmopt import Budget, metrics

ROWS = [{"id": f"w{i}", "inputs": {"word": f"w{i}"}, "expected": f"W{i}"} for i in range(40)]
suite = pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
"""
SUITE = """
def test_suite(lm_example):
    return lm_example.inputs["word"].upper()
"""
WHOLE_MODULE = f"{HEAD}pytestmark = suite\n{SUITE}"

ORDINARY = {
    "function": "def test_plain(): assert True\n",
    "fixtures": "def test_plain(tmp_path, lm_model): assert tmp_path.exists()\n",
    "async": "@pytest.mark.skip\nasync def test_plain(): pass\ndef test_it(): pass\n",
    "parameters": "@pytest.mark.parametrize('n', [1, 2])\ndef test_plain(n): assert n\n",
    "class": "class TestPlain:\n    def test_plain(self): assert True\n",
    "nested": (
        "class TestOuter:\n    pytestmark = suite\n    class TestInner:\n"
        "        pytestmark = pytest.mark.lm_suite(threshold=0.5)\n"
        "        def test_plain(self): assert True\n"
    ),
    "unittest": (
        "class TestCase(unittest.TestCase):\n    def test_plain(self): self.assertTrue(True)\n"
    ),
    "inherited": (
        "class Base:\n    pytestmark = suite\n    def test_plain(self): assert True\n"
        "class TestPlain(Base): pass\n"
    ),
    "broken default": (
        "class TestPlain:\n    pytestmark = pytest.mark.lm_suite(metrik=1)\n"
        "    def test_plain(self): assert True\n"
    ),
}


@pytest.mark.parametrize("body", ORDINARY.values(), ids=ORDINARY)
def test_tests_beside_a_suite_stay_ordinary_tests(project: Project, body: str) -> None:
    """They run once, as if there were no mark; the suite beside them is the only one."""
    project.write("test_it.py", WHOLE_MODULE + body)
    result = project.run()
    outcomes = result.parseoutcomes()
    assert outcomes.keys() <= {"passed", "skipped"}
    assert result.ret == pytest.ExitCode.OK
    table = [line for line in result.outlines if line.startswith("test_it.py::") and "  " in line]
    assert [line.split()[0] for line in table] == ["test_it.py::test_suite"]


def test_workers_run_them_once(project: Project) -> None:
    """A lane in every worker has the suite alone."""
    ran = "open('ran', 'a').write('x')"
    project.write("test_it.py", f"{WHOLE_MODULE}def test_plain():\n    {ran}\n")
    project.run_apart("-n", "2").assert_outcomes(passed=2)
    assert (project.path / "ran").read_text() == "x"


def test_doctests_and_marks_that_hooks_add_are_no_exception(project: Project) -> None:
    """A hook may add the mark to a module, or to whatever was collected."""
    project.write("test_it.py", f'"""\n>>> 1 + 1\n2\n"""\n{HEAD}{SUITE}def test_plain(): pass\n')
    for added_to in ("item", "item.getparent(pytest.Module)"):
        project.write(
            "conftest.py",
            "import pytest\n"
            "ROWS = [{'inputs': {'word': f'w{i}'}, 'expected': f'W{i}'} for i in range(40)]\n"
            "def pytest_collection_modifyitems(items):\n"
            "    for item in items:\n"
            f"        node = {added_to}\n"
            "        if node is not None:\n"
            "            node.add_marker(pytest.mark.lm_suite(dataset=ROWS))\n",
        )
        result = project.run("--doctest-modules", "test_it.py")
        result.assert_outcomes(passed=3)
        result.stdout.fnmatch_lines(["test_it.py::test_suite *1.000*"])


OWN = {
    "function": ("@suite\ndef test_it(): pass\n", "*::test_it: a marked test must take the *"),
    "parameter": (
        "@pytest.mark.parametrize('n', [pytest.param(1, marks=suite)])\ndef test_it(n): pass\n",
        "*::test_it[[]1[]]: a marked test must take the fixture lm_example*",
    ),
    "method": (
        "class TestIt:\n    @suite\n    def test_it(self): pass\n",
        "*::TestIt::test_it: a marked test must take the fixture lm_example*",
    ),
    "unittest": (
        "class TestIt(unittest.TestCase):\n    @suite\n    def test_it(self): pass\n",
        "*::TestIt::test_it: a marked test must take the fixture lm_example*",
    ),
    "fixture": (
        "pytestmark = suite\n@pytest.fixture\ndef word(lm_example): return ''\n"
        "def test_it(word): pass\n",
        "*::test_it: fixture 'word' asks for lm_example, but *",
    ),
    "autouse": (
        "pytestmark = suite\n@pytest.fixture(autouse=True)\ndef word(lm_example): return ''\n"
        "def test_it(): pass\n",
        "*::test_it: fixture 'word' asks for lm_example, but *",
    ),
    "usefixtures": (
        "pytestmark = [suite, pytest.mark.usefixtures('lm_example')]\ndef test_it(): pass\n",
        "*::test_it: usefixtures gives the test no lm_example to work on; *",
    ),
}


@pytest.mark.parametrize(("body", "problem"), OWN.values(), ids=OWN)
def test_a_test_that_asks_to_be_a_suite_and_can_not_be_one_is_an_error(
    project: Project, body: str, problem: str
) -> None:
    """By a mark of its own, or by lm_example somewhere else than in its arguments."""
    project.write("test_it.py", HEAD + body)
    project.write("test_ordinary.py", "def test_ordinary(): pass\n")
    result = project.run()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines([f"error: {problem}"])
