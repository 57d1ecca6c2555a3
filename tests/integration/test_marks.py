"""The mark's scopes: functions, classes, modules, parameters; fixtures; async pipelines."""

from __future__ import annotations

from doubles.function_model import FunctionModel
from projects.shouting import Project

HEAD = """\
import asyncio
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import mirror, one_step, shout

ROWS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}", "split": "dev"}
        for i in range(20)]
"""


def test_a_class_gives_defaults_and_shares_its_budget(
    project: Project, model: FunctionModel
) -> None:
    """What one suite spends, the next can't; a budget of its own would come on top."""
    project.write(
        "test_words.py",
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match, budget=Budget(calls=30))
class TestWords:
    def test_one(self, lm_example):
        return one_step(lm_example.inputs["word"])

    @pytest.mark.lm_suite(model="openai/another")
    def test_two(self, lm_example):
        return one_step(lm_example.inputs["word"])
""",
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["budget-stopped: *TestWords (30 calls) is used up*"])
    assert model.calls == 30


def test_a_parameter_makes_a_suite_of_its_own(project: Project, model: FunctionModel) -> None:
    """A model matrix: each parameter has its row, its mark and its snapshot."""
    project.write(
        "test_words.py",
        HEAD
        + """
MODELS = [pytest.param(name, marks=pytest.mark.lm_suite(model=name))
          for name in ("openai/small", "openai/large")]

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
@pytest.mark.parametrize("model", MODELS)
def test_shout(lm_example, model):
    return one_step(lm_example.inputs["word"])
""",
    )
    result = project.run("--lm-snapshot-update")
    result.assert_outcomes(passed=2)
    assert {request.model for request in model.requests} == {"openai/small", "openai/large"}
    assert len([name for name in project.files() if name.endswith(".yaml")]) == 2


def test_fixtures_are_set_up_once_per_suite(project: Project) -> None:
    """All examples share them."""
    project.write(
        "test_words.py",
        HEAD
        + """
made = []

@pytest.fixture
def shop():
    made.append(1)
    yield "shop"
    made.append(-1)

@pytest.mark.lm_suite(dataset=ROWS)
def test_shout(shop, lm_example, tmp_path):
    assert shop == "shop" and made == [1] and tmp_path.exists()

def test_after():
    assert made == [1, -1]
""",
    )
    result = project.run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_shout *1.000*"])


def test_async_pipelines_run_their_examples_as_tasks(
    project: Project, model: FunctionModel
) -> None:
    """Concurrent calls inside one run are fine too."""
    project.write(
        "test_words.py",
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS, threshold=0.2)
async def test_shout(lm_example):
    word = lm_example.inputs["word"]
    loud, back = await asyncio.gather(shout.acall(word=word), mirror.acall(loud=word))
    assert (loud.text, back.text) == (word.upper(), word[::-1])
""",
    )
    model.answer = lambda chat: chat[-1][1].upper() if "SHOUT" in chat[0][1] else chat[-1][1][::-1]
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_shout *20 *1.000* 40 *"])
