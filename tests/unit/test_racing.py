"""Racing: successive halving on dev, with ties and budgets settled."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pytest_lmopt import Example, Prompt, metrics
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.strategies.protocol import Proposal, Trial
from pytest_lmopt.strategies.racing import race, race_cost, rungs
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Request

INCUMBENT = Candidate(name="incumbent", states={})
PROMPT = Prompt(name="p", instruction="0", inputs=["n"], output="answer")


def _percent_right(request: Request) -> str:
    """The instruction's first word is the percentage of examples answered rightly."""
    percent, number = int(request.messages[0].content.split()[0]), int(request.messages[-1].content)
    return "yes" if number % 100 < percent else "no"


def _proposal(instruction: str) -> Proposal:
    state = Prompt(name="p", instruction=instruction, inputs=["n"], output="answer").state
    return Proposal(candidate=Candidate(name=instruction, states={"p": state}), reason="")


def _race(instructions: list[str], *, dev: int, left: int | None = None) -> list[Trial]:
    rows = [{"id": str(i), "inputs": {"n": i * 37 % 100}, "expected": "yes"} for i in range(dev)]

    def pipeline(example: Example) -> str:
        return PROMPT(n=example.inputs["n"]).text

    suite = Suite(
        name="s",
        pipeline=pipeline,
        dataset=load_dataset(rows, beside=Path()),
        metric=metrics.exact_match,
    )

    async def run() -> list[Trial]:
        with InProcessExecutor(lm=FunctionLM(_percent_right), model="m") as executor:
            evaluator = Evaluator(suite, LocalRunner(suite, executor))

            def runs_left() -> int | None:
                if left is None:
                    return None
                incumbent = evaluator.kept(INCUMBENT, suite.dataset.examples)
                return left - evaluator.usage.calls + len(incumbent.outcomes)

            return await race(
                [_proposal(text) for text in instructions],
                INCUMBENT,
                suite.dataset.examples,
                evaluator,
                runs_left=runs_left,
                calls=lambda: evaluator.usage.calls,
            )

    return asyncio.run(run())


def test_rungs_double_from_sixteen_up_to_all() -> None:
    """Short dev sets have one rung."""
    assert rungs(100) == [16, 32, 64, 100]
    assert rungs(32) == [16, 32]
    assert rungs(9) == [9]


def test_the_best_goes_all_the_way_and_the_worst_only_one_rung() -> None:
    """Half of the field is dropped after each rung."""
    trials = _race(["10", "90", "50", "30"], dev=64)
    assert [(trial.proposal.candidate.name, trial.n) for trial in trials] == [
        ("90", 64),
        ("50", 32),
        ("30", 16),
        ("10", 16),
    ]
    assert trials[0].difference > 0.8


def test_a_race_is_started_only_with_as_many_as_can_be_told_apart() -> None:
    """Of eight, the first four are raced if that is what halving down to one can be paid for."""
    cost = race_cost(4, 64)
    names = ["10", "20", "30", "40", "50", "60", "70", "80"]
    assert [trial.n for trial in _race(names, dev=64, left=cost + 5)] == [32, 32, 16, 16]


def test_the_last_one_left_meets_all_other_examples_if_they_can_be_paid() -> None:
    """What it shows on dev decides whether a use of the holdout is worth it."""
    trials = _race(["10", "20", "30", "40"], dev=64, left=race_cost(4, 64) + 32)
    assert [trial.n for trial in trials] == [64, 32, 16, 16]


def test_ties_go_to_the_shorter_prompt() -> None:
    """Then to the earlier proposal."""
    names = [
        trial.proposal.candidate.name
        for trial in _race(["50 and many more words", "50 short", "50 other"], dev=16)
    ]
    assert names == ["50 short", "50 other", "50 and many more words"]


def test_the_field_is_cut_to_what_can_be_paid() -> None:
    """Earlier proposals go first; with too little for one, nothing is raced."""
    assert len(_race(["10", "20", "30"], dev=16, left=32)) == 2
    assert _race(["10", "20"], dev=16, left=15) == []
