"""Other suites' winners tried on a suite: what counts as harm."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.suite_reports import report

from pytest_lmopt import Prompt, metrics
from pytest_lmopt.assessment.sharing import Trying, try_changes
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.reports.suite_report import SharedCheck
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Request

PROMPT = "instruction: '{}'\ninputs: [number]\noutput: same\n"
ROWS = [{"inputs": {"number": n}, "expected": str(n), "split": "dev"} for n in range(20)]


def _answer(request: Request) -> str:
    """Right on as many examples as the instruction says."""
    number = request.messages[-1].content
    return number if int(number) < int(request.messages[0].content) else "no idea"


def _tried(folder: Path, *, before: int, after: int, threshold: float | None) -> SharedCheck:
    """A suite that accepts nothing, with so many right answers before and after."""
    path = folder / "p.yaml"
    path.write_text(PROMPT.format(before), encoding="utf-8")
    prompt = Prompt.load(path)
    suite = Suite(
        name="s",
        pipeline=lambda example: prompt(number=str(example.inputs["number"])).text,
        dataset=load_dataset(ROWS, beside=folder),
        metric=metrics.exact_match,
        threshold=threshold,
    )
    terms = Terms(root=folder, snapshot=folder / "s.yaml")
    own = replace(report("s", ["p.yaml"], {}), status="failed")
    trying = Trying(changes={"p.yaml": PROMPT.format(after)})
    with InProcessExecutor(lm=FunctionLM(_answer), model="m") as executor:
        runner = LocalRunner(suite, executor)
        return asyncio.run(try_changes(suite, runner, terms, report=own, trying=trying))


@pytest.mark.parametrize(
    ("before", "after", "threshold", "problem"),
    [
        (16, 14, None, ""),
        (16, 14, 0.75, "score 0.700 is under the threshold 0.75"),
        (14, 13, 0.75, ""),
        (14, 16, 0.75, ""),
        (14, 4, 0.75, "regressed against the baseline: 0.700 → 0.200 on 20 examples"),
    ],
)
def test_harm_is_a_regression_or_a_threshold_no_longer_passed(
    before: int, after: int, threshold: float | None, problem: str, tmp_path: Path
) -> None:
    """Compared with its prompts as they stand; that a suite is red anyway is no veto."""
    check = _tried(tmp_path, before=before, after=after, threshold=threshold)
    assert check.problem.partition(", difference")[0] == problem
    assert check.accept == {}
    assert check.comparison is not None
    assert (check.comparison.old_mean, check.comparison.new_mean) == (before / 20, after / 20)
