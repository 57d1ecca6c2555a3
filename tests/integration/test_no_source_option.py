"""``--lm-no-source``: whether proposers may read the pipeline's code."""

from __future__ import annotations

import json

import pytest
from doubles.openai_server import OpenAIServer
from doubles.simulated_proposer import SimulatedProposer, served
from projects.shouting import PIPELINE, Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


@pytest.mark.parametrize("strategy", ["opro", "mipro"])
def test_no_line_of_the_pipelines_code_reaches_a_model(
    strategy: str, project: Project, openai_server: OpenAIServer
) -> None:
    """With the option; without it the proposer sees the test and what it calls."""
    openai_server.answer = served(SimulatedProposer(), SimulatedModel().answer)
    project.suite("budget=Budget(calls=80)", examples=50)
    code = (project.path / "test_words.py").read_text() + PIPELINE
    lines = {line.strip() for line in code.splitlines() if len(line.strip()) > 15}
    assert "return shout(word=word).text" in lines

    def seen(*options: str) -> set[str]:
        openai_server.requests.clear()
        project.run(f"--lm-optimize={strategy}", "--lm-cache=refresh", *options)
        questions = [body["messages"] for body in openai_server.requests]
        assert any(len(messages) == 1 for messages in questions), "no proposer was asked"
        texts = json.loads(json.dumps(questions))
        said = "\n".join(message["content"] for messages in texts for message in messages)
        return {line for line in lines if line in said}

    assert seen("--lm-no-source") == set()
    assert {"return shout(word=word).text", "def test_shout(lm_example):"} <= seen()
