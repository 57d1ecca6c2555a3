"""``pytest``: marked tests are evaluated over their dataset."""

from __future__ import annotations

import re

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project


def test_a_suite_is_one_test_and_scores_what_the_model_can_do(
    project: Project, openai_server: OpenAIServer
) -> None:
    """One item, evaluated on dev and holdout only; the score is the model's known accuracy."""
    project.suite()
    result = project.run()
    result.assert_outcomes(passed=1)
    row = next(line for line in result.outlines if line.startswith("test_words.py::test_shout "))
    found = re.search(r"test_shout\s+(\d+)\s+([\d.]+) \[", row)
    assert found is not None
    n, score = found.groups()
    assert openai_server.calls == int(n)
    right = sum(
        openai_server.answer([(m["role"], m["content"]) for m in body["messages"]]) != "no idea"
        for body in openai_server.requests
    )
    assert float(score) == pytest.approx(right / int(n), abs=5e-4)
