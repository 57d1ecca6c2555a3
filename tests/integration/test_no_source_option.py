"""``--lm-no-source``: whether proposers may read the pipeline's code."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from doubles.simulated_proposer import SimulatedProposer, served
from projects.shouting import PIPELINE, Project

from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.splits import split
from pytest_lmopt.testing.simulated_model import SimulatedModel


@pytest.mark.parametrize("strategy", ["opro", "mipro"])
def test_no_line_of_the_pipelines_code_reaches_a_model(
    strategy: str, project: Project, model: FunctionModel
) -> None:
    """With the option; without it the proposer sees the test and what it calls."""
    model.answer = served(SimulatedProposer(), SimulatedModel().answer)
    project.suite("budget=Budget(calls=80)", examples=50)
    code = (project.path / "test_words.py").read_text() + PIPELINE
    lines = {line.strip() for line in code.splitlines() if len(line.strip()) > 15}
    assert "return shout(word=word).text" in lines

    def seen(*options: str) -> set[str]:
        model.requests.clear()
        project.run(f"--lm-optimize={strategy}", "--lm-cache=refresh", *options)
        questions = [request.messages for request in model.requests]
        assert any(len(messages) == 1 for messages in questions), "no proposer was asked"
        said = "\n".join(message.content for messages in questions for message in messages)
        return {line for line in lines if line in said}

    assert seen("--lm-no-source") == set()
    assert {"return shout(word=word).text", "def test_shout(lm_example):"} <= seen()


def test_rows_within_the_mark_reach_no_model(project: Project, model: FunctionModel) -> None:
    """They are the test's code, too, and no holdout answer may be read by who writes proposals."""
    rows = [
        {"id": f"w{number}", "inputs": {"word": f"word{number}"}, "expected": f"WORD{number}."}
        for number in range(60)
    ]
    listed = "".join(f"        {row},\n" for row in rows)
    project.write(
        "test_words.py",
        "import pytest\n"
        "from pytest_lmopt import Budget, metrics\n"
        "from pipeline import one_step\n\n"
        f"@pytest.mark.lm_suite(\n    dataset=[\n{listed}    ],\n"
        "    metric=metrics.exact_match,\n    budget=Budget(calls=300),\n)\n"
        "def test_shout(lm_example):\n"
        '    return one_step(lm_example.inputs["word"])\n',
    )
    model.answer = served(SimulatedProposer(), SimulatedModel().answer)
    project.run("--lm-optimize=reflect")

    asked = [
        request.messages[0].content for request in model.requests if len(request.messages) == 1
    ]
    assert any("def test_shout(lm_example):" in question for question in asked)
    holdout = split(load_dataset(rows, beside=project.path)).holdout
    assert holdout
    told = "\n".join(asked)
    assert [each.id for each in holdout if str(each.expected) in told] == []
