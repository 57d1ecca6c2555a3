"""An evaluator runs and scores each candidate on each example once."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pytest

from pytest_lmopt import Budget, Example, Prompt, metrics
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import (
    BudgetExhaustedError,
    IncompleteError,
    MetricError,
    MissingAnswerError,
)
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.money.metered import Metered
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.run import ExampleSkipped
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Request

T = TypeVar("T")

SHOUT = Prompt(name="shout", instruction="SHOUT", inputs=["word"], output="loud")
INCUMBENT = Candidate(name="incumbent", states={})
DATA = Dataset(
    examples=tuple(
        Example(id=f"e{n}", inputs={"word": f"w{n}"}, expected=f"W{n}", split="dev")
        for n in range(60)
    ),
    source="made here",
)
Answer = Callable[[Request], str]


def upper(request: Request) -> str:
    """The last message in capitals."""
    return request.messages[-1].content.upper()


def shout(example: Example) -> str:
    """A pipeline of one call."""
    return SHOUT(word=example.inputs["word"]).text


def huge(_: Example) -> int:
    """A pipeline that returns what Python refuses to write."""
    return 10**5000


def suite(**changes: Any) -> Suite:
    """The suite of shouting words, with changes."""
    parts: dict[str, Any] = {
        "name": "test_shout",
        "pipeline": shout,
        "dataset": DATA,
        "metric": metrics.exact_match,
    }
    return Suite(**{**parts, **changes})


def evaluating(
    story: Callable[[Evaluator], Awaitable[T]],
    *,
    of: Suite | None = None,
    answer: Answer = upper,
    calls: int = 10_000,
) -> T:
    """What a story with an evaluator comes to, under a budget of calls."""

    async def told() -> T:
        ledger = Ledger([Account(Budget(calls=calls), owner="test_shout")])
        lm = Metered(FunctionLM(answer), ledger)
        with InProcessExecutor(lm=lm, model="m") as executor:
            return await story(Evaluator(of or suite(), LocalRunner(of or suite(), executor)))

    return asyncio.run(told())


def few(count: int, start: int = 0) -> Sequence[Example]:
    """Some examples of the dataset."""
    return DATA.examples[start : start + count]


def test_an_evaluation_has_a_score_per_example_and_their_mean() -> None:
    """Runs stand in the order of the examples, with states and usage."""

    def answer(request: Request) -> str:
        return upper(request) if request.messages[-1].content != "w3" else "no idea"

    evaluation = evaluating(lambda e: e.evaluate(INCUMBENT, few(4)), answer=answer)

    assert evaluation.scores == {"e0": 1.0, "e1": 1.0, "e2": 1.0, "e3": 0.0}
    assert evaluation.mean == 0.75
    assert evaluation.usage.calls == 4
    assert evaluation.states == {"shout": SHOUT.state}
    assert evaluation.missing == {}
    last = list(evaluation.runs)[-1].score
    assert last is not None
    assert last.feedback == "expected 'W3', got 'no idea'"


def test_a_prediction_without_text_is_wrong_like_another() -> None:
    """Python writes no number of over 4300 digits; that is no reason to end the run."""
    found = evaluating(lambda e: e.evaluate(INCUMBENT, few(1)), of=suite(pipeline=huge))

    (run,) = found.runs
    assert (found.mean, run.got) == (0.0, "<int without text>")
    assert run.score is not None
    assert run.score.feedback == "expected 'W0', got <int without text>"


def test_nothing_is_run_twice() -> None:
    """Overlapping evaluations ask only for what is new, also under another name."""
    asked: Counter[str] = Counter()

    def answer(request: Request) -> str:
        asked[request.messages[-1].content] += 1
        return upper(request)

    async def story(evaluator: Evaluator) -> list[int]:
        counts = []
        for candidate, examples in (
            (INCUMBENT, few(30)),
            (INCUMBENT, few(30, start=15)),
            (Candidate(name="renamed", states={}), few(45)),
        ):
            evaluation = await evaluator.evaluate(candidate, examples)
            assert len(evaluation.outcomes) == len(examples)
            counts.append(sum(asked.values()))
        assert evaluator.usage.calls == 45
        return counts

    assert evaluating(story, answer=answer) == [30, 45, 45]
    assert set(asked.values()) == {1}


def test_another_candidate_is_run_for_itself() -> None:
    """What differs in content is evaluated, and kept apart."""
    other = Candidate(name="other", states={"shout": SHOUT.state.with_demos([])})

    async def story(evaluator: Evaluator) -> tuple[int, int]:
        await evaluator.evaluate(INCUMBENT, few(5))
        before = len(evaluator.kept(other, few(5)).outcomes)
        await evaluator.evaluate(other, few(3))
        return before, len(evaluator.kept(other, few(5)).outcomes)

    assert evaluating(story) == (0, 3)


def test_failed_and_wrong_runs_score_zero_with_their_problem() -> None:
    """The metric is not asked about predictions that never came."""

    def pipeline(example: Example) -> str:
        assert example.id != "e1", "not this one"
        if example.id == "e2":
            raise KeyError("team")
        return shout(example)

    evaluation = evaluating(lambda e: e.evaluate(INCUMBENT, few(3)), of=suite(pipeline=pipeline))

    assert list(evaluation.scores.values()) == [1.0, 0.0, 0.0]
    feedback = [scored.score.feedback for scored in evaluation.runs if scored.score]
    assert feedback[1].startswith("not this one")
    assert feedback[2] == "KeyError: 'team'"


def test_skipped_examples_have_no_score() -> None:
    """They count neither for nor against; an evaluation of nothing has no mean."""

    def pipeline(example: Example) -> str:
        if example.id == "e1":
            raise ExampleSkipped("not today")
        return "W0"

    evaluation = evaluating(lambda e: e.evaluate(INCUMBENT, few(2)), of=suite(pipeline=pipeline))
    nothing = evaluating(
        lambda e: e.evaluate(INCUMBENT, few(1, start=1)), of=suite(pipeline=pipeline)
    )

    assert evaluation.scores == {"e0": 1.0}
    assert math.isnan(nothing.mean)


def test_without_a_metric_what_returns_passes() -> None:
    """Plain assertions are the metric."""
    evaluation = evaluating(lambda e: e.evaluate(INCUMBENT, few(2)), of=suite(metric=None))

    assert evaluation.mean == 1.0


def test_a_metric_may_be_async() -> None:
    """It is awaited for every example."""

    async def metric(example: Example, prediction: str) -> float:
        await asyncio.sleep(0)
        return 0.5 if prediction == example.expected else 0.0

    assert evaluating(lambda e: e.evaluate(INCUMBENT, few(4)), of=suite(metric=metric)).mean == 0.5


def test_a_broken_metric_names_the_example() -> None:
    """The suite is an error, not a zero."""

    def metric(example: Example, _: str) -> float:
        return 1.0 if example.id != "e2" else 85.0

    with pytest.raises(MetricError, match=r"metric failed on example 'e2': returned 85\.0"):
        evaluating(lambda e: e.evaluate(INCUMBENT, few(4)), of=suite(metric=metric))


def busy_on(*words: str) -> Answer:
    """A model that gives no answer to these words."""

    def answer(request: Request) -> str:
        if request.messages[-1].content in words:
            raise MissingAnswerError("rate limit", request=request)
        return upper(request)

    return answer


def test_a_few_missing_answers_are_left_out() -> None:
    """One of 60 is within two percent: the mean is that of the others."""
    evaluation = evaluating(lambda e: e.evaluate(INCUMBENT, DATA.examples), answer=busy_on("w7"))

    assert len(evaluation.scores) == 59
    assert evaluation.mean == 1.0
    assert evaluation.missing == {"e7": "rate limit"}


def test_too_many_missing_answers_judge_nothing() -> None:
    """The error comes after the first block, says how many and why, and how to go on."""
    asked: list[str] = []

    def answer(request: Request) -> str:
        asked.append(request.messages[-1].content)
        return busy_on("w7", "w8")(request)

    with pytest.raises(IncompleteError) as caught:
        evaluating(lambda e: e.evaluate(INCUMBENT, DATA.examples), answer=answer)

    message = str(caught.value)
    assert message.startswith(
        "2 of 25 runs have no answer, more than max_missing=0.02 of 60 allows; "
        "the first is example 'e7': rate limit. Nothing is judged."
    )
    assert "the same command asks only for what is missing" in message
    assert caught.value.missing == {"e7": "rate limit", "e8": "rate limit"}
    assert len(asked) <= 50  # the next block may have begun


def test_the_limit_of_missing_answers_is_the_suites() -> None:
    """Zero allows none, and one half allows many."""
    with pytest.raises(IncompleteError, match="max_missing=0 of"):
        evaluating(
            lambda e: e.evaluate(INCUMBENT, few(5)), of=suite(max_missing=0.0),
            answer=busy_on("w1"),
        )  # fmt: skip

    evaluation = evaluating(
        lambda e: e.evaluate(INCUMBENT, few(4)), of=suite(max_missing=0.5),
        answer=busy_on("w1", "w2"),
    )  # fmt: skip
    assert len(evaluation.scores) == 2


def test_a_budget_that_ends_says_how_much_more_is_needed() -> None:
    """One block is complete, 35 runs of one call each are not."""
    with pytest.raises(BudgetExhaustedError) as caught:
        evaluating(lambda e: e.evaluate(INCUMBENT, DATA.examples), calls=40)

    message = str(caught.value)
    assert message.startswith("the budget of test_shout (40 calls) is used up")
    assert (
        "25 runs are complete, 35 of this evaluation's 60 examples are not (about 35 more calls)"
        in (message)
    )
    assert "running again with a larger budget pays only for the rest" in message
    assert caught.value.limit == "calls"


def test_a_budget_that_ends_at_once_makes_no_estimate() -> None:
    """Nothing is known yet about how many calls a run makes."""
    with pytest.raises(BudgetExhaustedError, match=r"0 runs are complete, 5 of .* are not; "):
        evaluating(lambda e: e.evaluate(INCUMBENT, few(5)), calls=2)


def test_what_was_evaluated_before_a_budget_ended_is_kept() -> None:
    """A search reports the best it can prove with it."""

    async def story(evaluator: Evaluator) -> int:
        with pytest.raises(BudgetExhaustedError):
            await evaluator.evaluate(INCUMBENT, DATA.examples)
        return len(evaluator.kept(INCUMBENT, DATA.examples).outcomes)

    assert evaluating(story, calls=55) in (25, 50)  # two blocks are under way at a time


def test_calls_per_example_are_the_most_any_run_has_made() -> None:
    """Plans count with the worst case seen."""

    def pipeline(example: Example) -> str:
        for _ in range(3 if example.id == "e1" else 1):
            answer = shout(example)
        return answer

    async def story(evaluator: Evaluator) -> tuple[int, int]:
        before = evaluator.calls_per_example
        await evaluator.evaluate(INCUMBENT, few(3))
        return before, evaluator.calls_per_example

    assert evaluating(story, of=suite(pipeline=pipeline)) == (1, 3)
