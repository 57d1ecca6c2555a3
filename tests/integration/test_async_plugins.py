"""Plugins that run async tests: async suites are ours to run, all other tests are theirs."""

from __future__ import annotations

import json

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

TESTS = """\
import asyncio, pytest
from pytest_lmopt import metrics
from pipeline import shout

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}", "split": "dev"}
         for i in range(20)]

@pytest.fixture
async def word_of():
    await asyncio.sleep(0)
    yield lambda example: example.inputs["word"]
    await asyncio.sleep(0)

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, threshold=1.0)
class TestWords:
    async def test_async(self, lm_example, word_of):
        return (await shout.acall(word=word_of(lm_example))).text

    def test_sync(self, lm_example):
        return shout(word=lm_example.inputs["word"]).text

async def test_theirs(word_of):
    await asyncio.sleep(0)
    assert asyncio.current_task() is not None
"""
ASYNCIO = "-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function"
STRICT = "-W", "error", "-W", "ignore::pytest.PytestAssertRewriteWarning"


def check(project: Project, model: FunctionModel, *options: str) -> None:
    """Both suites are evaluated whole, and the plugin's own test runs."""
    model.answer = lambda chat: chat[-1][1].upper()
    result = project.run("--lm-report=json:r.json", "--lm-cache=off", *STRICT, *options)
    result.assert_outcomes(passed=3)
    suites = json.loads((project.path / "r.json").read_text())["suites"]
    assert [(suite["n"], suite["score"]) for suite in suites] == [(20, 1.0), (20, 1.0)]
    assert model.calls == 40


def test_asyncio_in_auto_mode(project: Project, model: FunctionModel) -> None:
    """No test is marked."""
    project.write("test_words.py", TESTS)
    check(project, model, *ASYNCIO, "-o", "asyncio_mode=auto")


def test_asyncio_in_strict_mode(project: Project, model: FunctionModel) -> None:
    """The suites are marked like all other async tests of the module."""
    text = TESTS.replace("pytest.fixture", "pytest_asyncio.fixture")
    text = text.replace("import asyncio, pytest", "import asyncio, pytest, pytest_asyncio")
    project.write("test_words.py", text + "\npytestmark = pytest.mark.asyncio\n")
    check(project, model, *ASYNCIO, "-o", "asyncio_mode=strict")


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_anyio(mode: str, project: Project, model: FunctionModel) -> None:
    """Its mark on the module stands for the same in both modes."""
    mark = "pytestmark = pytest.mark.anyio\n" if mode == "strict" else ""
    backend = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    project.write("test_words.py", f"{TESTS}\n{backend}\n{mark}")
    check(project, model, "-p", "anyio", f"--anyio-mode={mode}")
