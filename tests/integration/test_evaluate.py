"""``pytest``: marked tests are evaluated over their dataset."""

from __future__ import annotations

import re

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project


def test_a_suite_is_one_test_and_scores_what_the_model_can_do(
    project: Project, model: FunctionModel
) -> None:
    """One item, evaluated on dev and holdout only; the score is the model's known accuracy."""
    project.suite()
    result = project.run()
    result.assert_outcomes(passed=1)
    row = next(line for line in result.outlines if line.startswith("test_words.py::test_shout "))
    found = re.search(r"test_shout\s+(\d+)\s+([\d.]+) \[", row)
    assert found is not None
    n, score = found.groups()
    assert model.calls == int(n)
    right = sum(model.answer(request.messages) != "no idea" for request in model.requests)
    assert float(score) == pytest.approx(right / int(n), abs=5e-4)


def test_groups_show_no_more_than_so_many_draws(project: Project) -> None:
    """Of forty examples in ten groups, whose answers are alike, the score is that uncertain."""
    project.write(
        "test_groups.py",
        "import pytest\n"
        "ROWS = [{'id': f'e{n}', 'inputs': {'n': n}, 'group': f'g{n // 4}', 'split': 'dev'}\n"
        "        for n in range(40)]\n"
        "@pytest.mark.lm_suite(dataset=ROWS)\n"
        "def test_even(lm_example):\n"
        "    assert lm_example.inputs['n'] // 4 % 2\n",
    )
    result = project.run("test_groups.py", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["*test_even*0.500 ?0.20, 0.80?*"])
    snapshot = (project.path / "__lm_snapshots__/test_groups/test_even.yaml").read_text()
    assert "low: 0.19" in snapshot
