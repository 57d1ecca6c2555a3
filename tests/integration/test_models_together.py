"""One test on several models: what is found on one is tried on the others."""

from __future__ import annotations

import json

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat, SimulatedModel

MATRIX = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import one_step

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}"}
         for i in range(120)]

@pytest.mark.parametrize("lm_model", ["openai/small", "openai/large"])
@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, budget=Budget(calls=600))
def test_shout(lm_example):
    return one_step(lm_example.inputs["word"])
"""

SMALL, LARGE = (
    "test_words.py::test_shout[[]openai/small[]]",
    "test_words.py::test_shout[[]openai/large[]]",
)


@pytest.fixture
def matrix(project: Project, model: FunctionModel) -> Project:
    """A test on two models, which know different words: each search finds demos of its own."""
    model.answer_of = {
        "openai/small": SimulatedModel(seed=1).answer,
        "openai/large": SimulatedModel(seed=2, per_demo=0.15).answer,
    }
    project.write("test_words.py", MATRIX)
    return project


def _without_demos(chat: Chat) -> str:
    return "no idea" if len(chat) > 2 else SimulatedModel(base=0.5).answer(chat)


def _table(result: pytest.RunResult) -> list[str]:
    told = ("prompt found on", "  +", "  -", "what ")
    return [line for line in result.outlines if line.startswith(told)]


def test_a_parameter_called_lm_model_makes_a_suite_of_each_model(
    matrix: Project, model: FunctionModel
) -> None:
    """The test need not take it; it counts for more than the option."""
    matrix.run("--lm-model=openai/other").assert_outcomes(passed=2)
    asked = {request.model for request in model.requests}
    assert asked == {"openai/small", "openai/large"}


def test_each_models_winner_is_tried_on_the_other_without_writing_anything(
    matrix: Project, model: FunctionModel
) -> None:
    """A table for each; and what accepting would do."""
    result = matrix.run("--lm-optimize=bootstrap")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            f"prompt found on {SMALL} (shout.yaml):",
            f"  +0.*  {SMALL}: improved, found here",
            f"  +0.*  {LARGE}: improved",
            f"prompt found on {LARGE} (shout.yaml):",
            f"  +0.*  {SMALL}: improved",
            f"  +0.*  {LARGE}: improved, found here",
            "what * found holds everywhere, with a mean gain of +0.*: it would be written by *",
        ]
    )
    assert "demos" not in (matrix.path / "shout.yaml").read_text()
    (stored,) = (matrix.path / ".lmopt" / "runs").glob("*.json")
    transfers = json.loads(stored.read_text())["transfers"]
    small, large = (name.replace("[[]", "[").replace("[]]", "]") for name in (SMALL, LARGE))
    assert [transfer["found_on"] for transfer in transfers] == [small, large]
    assert [each["suite"] for each in transfers[1]["tried"]] == [small, large]
    assert sum(transfer["best"] for transfer in transfers) == 1


@pytest.mark.slow
def test_workers_come_to_the_same_table(matrix: Project) -> None:
    """Each winner is tried on the other model there, too, when the workers are done."""
    matrix.answer_apart(
        "SimulatedModel(seed=1).answer",
        after='MODEL.answer_of["openai/large"] = SimulatedModel(seed=2, per_demo=0.15).answer\n',
    )
    alone = matrix.run("--lm-optimize=bootstrap")
    together = matrix.run("-n", "2", "--lm-optimize=bootstrap")
    together.assert_outcomes(passed=2)
    assert _table(together) == _table(alone) != []


def test_the_one_that_gains_most_over_all_is_written_for_all(
    matrix: Project, model: FunctionModel
) -> None:
    """Both baselines are then those of the prompt that was written."""
    result = matrix.run("--lm-optimize=bootstrap", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        [
            "*better on holdout; but what *test_shout* found is taken, see below",
            "what * found holds everywhere, *: it is written",
            "written: shout.yaml",
        ]
    )
    assert "not written" not in result.stdout.str()
    assert (matrix.path / "shout.yaml").read_text().count("demos:") == 1
    result = matrix.run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"{name}*+0.000*holds*" for name in (SMALL, LARGE)])


def test_a_winner_that_another_model_is_worse_with_is_not_written(
    matrix: Project, model: FunctionModel
) -> None:
    """The table says where it regressed, and the other suite's reason is given."""
    model.answer_of["openai/large"] = _without_demos
    result = matrix.run("--lm-optimize=bootstrap", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        [
            f"  +0.*  {SMALL}: improved, found here",
            f"  -0.*  {LARGE}: regressed against *",
            "none of them holds on every model, so none can be written for all",
            f"not written: shout.yaml, which {LARGE} uses too: regressed *",
        ]
    )
    assert "demos" not in (matrix.path / "shout.yaml").read_text()
