"""What ``labeled``, ``bootstrap`` and ``rationale`` propose, on pipelines of many shapes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt import Budget, Example, Prompt, Score
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.metrics import exact_match
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.strategies.auto import Auto
from pytest_lmopt.strategies.bootstrap import Bootstrap
from pytest_lmopt.strategies.labeled import Labeled
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings, Strategy
from pytest_lmopt.strategies.rationale import Rationale
from pytest_lmopt.strategies.search import search
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.suite import Pipeline, Suite
from pytest_lmopt.wire import Request

SHOUT = Prompt(name="shout", instruction="shout", inputs=["word"], output="loud")
ROWS: list[dict[str, Any]] = [
    {"id": f"w{number}", "inputs": {"word": f"word{number}"}, "expected": f"WORD{number}"}
    for number in range(60)
]
# no search is begun where there is nothing to gain, so dev has examples that nobody gets right
ROWS += [
    {"id": f"hard{number}", "inputs": {"word": "?"}, "expected": "never", "split": "dev"}
    for number in range(20)
]


@dataclass(frozen=True)
class Shouted:
    """A typed answer."""

    loud: str
    size: int


class Hostile:
    """An answer that fails at whatever it is asked."""

    def __init__(self, text: str) -> None:
        del text

    def __str__(self) -> str:
        raise RuntimeError("no text")


ONE_STEP: Pipeline = lambda example: SHOUT(word=example.inputs["word"]).text  # noqa: E731


class Asked:
    """What a strategy proposed, and what it asked the model for it."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.proposals: Sequence[Proposal] = ()
        self.requests: list[Request] = []

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """Note what is proposed, and end the search before it is raced."""
        self.requests.clear()
        self.proposals = await self._strategy.propose(history, bench)
        self.requests = list(self.requests)
        return ()

    def states(self, prompt: str) -> list[PromptState]:
        """The states proposed for a prompt."""
        return [proposal.candidate.states[prompt] for proposal in self.proposals]


def asked(
    strategy: Strategy,
    answer: Callable[[Request], str],
    *,
    pipeline: Pipeline = ONE_STEP,
    rows: Sequence[Mapping[str, Any]] = ROWS,
    metric: Callable[[Example, Any], Any] = exact_match,
    repeats: int = 1,
) -> Asked:
    """Let a strategy propose, once, for a pipeline whose model is a function."""
    spy = Asked(strategy)
    suite = Suite(
        name="words",
        pipeline=pipeline,
        dataset=load_dataset(rows, beside=Path()),
        metric=metric,
        repeats=repeats,
    )
    ledger = Ledger([Account(Budget(), owner="the test")])
    working = spy.requests

    def counted(request: Request) -> str:
        working.append(request)
        return answer(request)

    lm = suite_lm(FunctionLM(counted), ledger=ledger, store=None, mode="off")

    async def run() -> None:
        with InProcessExecutor(lm=lm, model="simulated") as executor:
            evaluator = Evaluator(suite, LocalRunner(suite, executor))
            await search(spy, evaluator, ledger, seed=1)

    asyncio.run(run())
    return spy


def right(request: Request) -> str:
    """The last message in capitals, after some thought where that is asked for."""
    answer = request.messages[-1].content.upper()
    thinks = "Think step by step" in request.messages[0].content
    return f"Say it louder.\nFinal answer: {answer}" if thinks else answer


class TestLabeled:
    """Demos from expected answers."""

    def test_a_single_step_is_labelled_without_a_call(self) -> None:
        """Inputs by name, answers as expected, though the model knows nothing."""
        spy = asked(Labeled(Settings(seed=1)), lambda _: "no idea")

        assert spy.requests == []
        assert {len(state.demos) for state in spy.states("shout")} >= {4, 8}
        for state in spy.states("shout"):
            assert all(demo["loud"] == demo["word"].upper() for demo in state.demos)
            assert state.instruction == "shout"

    def test_a_single_step_given_something_else_is_seen_where_runs_are_asked_for(self) -> None:
        """As by ``auto``, whose teacher has made them: demos show what the prompt is given."""
        spy = asked(
            Auto(Settings(seed=1)),
            lambda _: "no idea",
            pipeline=lambda example: SHOUT(word=f"<{example.inputs['word']}>").text,
        )

        demos = [demo for state in spy.states("shout") for demo in state.demos]
        assert demos
        assert all(demo["word"] == f"<{demo['loud'].lower()}>" for demo in demos)

    def test_an_input_of_another_name_is_known_by_its_value(self) -> None:
        """A few runs show where it comes from; the rest of train costs nothing."""
        rows = [{**row, "inputs": {"text": row["inputs"]["word"]}} for row in ROWS]
        spy = asked(
            Labeled(Settings(seed=1)),
            lambda _: "no idea",
            pipeline=lambda example: SHOUT(word=example.inputs["text"]).text,
            rows=rows,
        )

        assert len(spy.requests) == 4
        demos = {demo["word"]: demo["loud"] for s in spy.states("shout") for demo in s.demos}
        assert len(demos) > 4
        assert all(loud == word.upper() for word, loud in demos.items())

    def test_behind_other_steps_inputs_are_those_of_the_incumbents_runs(self) -> None:
        """The last step is labelled; the first, called several times, stays as it is."""
        first = Prompt(name="first", instruction="first", inputs=["word"], output="part")

        def pipeline(example: Example) -> str:
            parts = [first(word=letter).text for letter in example.inputs["word"][:3]]
            return SHOUT(word="-".join(parts)).text

        spy = asked(
            Labeled(Settings(seed=1)),
            lambda request: request.messages[-1].content + "!",
            pipeline=pipeline,
        )

        assert len(spy.requests) == 4 * 16
        assert {state.demos for state in spy.states("first")} == {()}
        for state in spy.states("shout"):
            assert all(demo["word"] == "w!-o!-r!" for demo in state.demos)
            assert all(demo["loud"].startswith("WORD") for demo in state.demos)

    def test_several_outputs_are_labelled_by_a_mapping(self) -> None:
        """The pipeline returns them as a mapping, in any order."""
        both = Prompt(name="both", instruction="x", inputs=["word"], outputs=["loud", "size"])

        def pipeline(example: Example) -> dict[str, str]:
            answer = both(word=example.inputs["word"])
            return {"size": answer.size, "loud": answer.loud}

        rows = [{**row, "expected": {"loud": row["expected"], "size": "5"}} for row in ROWS]
        spy = asked(
            Labeled(Settings(seed=1)), lambda _: "loud: x\nsize: y", pipeline=pipeline, rows=rows
        )

        demo = spy.states("both")[0].demos[0]
        assert demo == {"word": demo["word"], "loud": demo["word"].upper(), "size": "5"}

    @pytest.mark.parametrize(
        ("pipeline", "expected"),
        [
            (ONE_STEP, None),
            (ONE_STEP, ["WORD", 1]),
            (ONE_STEP, {"other": "WORD"}),
            (lambda example: len(SHOUT(word=example.inputs["word"]).text), "7"),
            (lambda example: bool(SHOUT(word=example.inputs["word"])), "True"),
        ],
    )
    def test_what_cannot_be_labelled_is_left_alone(self, pipeline: Pipeline, expected: Any) -> None:
        """No expected answer, one of another kind, or a pipeline that returns something else."""
        rows = [{**row, "expected": expected} for row in ROWS]
        spy = asked(
            Labeled(Settings(seed=1)),
            lambda _: "no idea",
            pipeline=pipeline,
            rows=rows,
            metric=lambda *_: 0.0,  # the ready-made ones need an expected value
        )

        assert list(spy.proposals) == []
        assert spy.requests == []

    def test_typed_answers_are_labelled_by_their_fields(self) -> None:
        """As a mapping is, whatever kind the expected answer is of."""
        both = Prompt(name="both", instruction="x", inputs=["word"], outputs=["loud", "size"])

        def pipeline(example: Example) -> Shouted:
            answer = both(word=example.inputs["word"])
            return Shouted(loud=answer.loud, size=int(answer.size))

        rows = [{**row, "expected": Shouted(loud=row["expected"], size=5)} for row in ROWS]
        spy = asked(
            Labeled(Settings(seed=1)), lambda _: "loud: x\nsize: 3", pipeline=pipeline, rows=rows
        )

        demo = spy.states("both")[0].demos[0]
        assert demo == {"word": demo["word"], "loud": demo["word"].upper(), "size": 5}

    def test_where_every_run_raised_an_only_prompt_is_labelled_all_the_same(self) -> None:
        """Demos may be what makes its answers fit to be used."""

        def pipeline(example: Example) -> str:
            return str(json.loads(SHOUT(word=example.inputs["word"]).text)["loud"])

        rows = [{**row, "expected": {"said": row["expected"]}} for row in ROWS]
        spy = asked(Labeled(Settings(seed=1)), lambda _: "no idea", pipeline=pipeline, rows=rows)

        for demo in spy.states("shout")[0].demos:
            assert json.loads(demo["loud"]) == {"said": demo["word"].upper()}

    def test_a_value_that_fails_at_everything_is_left_alone(self) -> None:
        """It belongs to no prompt, and no run ends."""
        spy = asked(
            Labeled(Settings(seed=1)),
            lambda _: "no idea",
            pipeline=lambda example: Hostile(SHOUT(word=example.inputs["word"]).text),
        )
        assert list(spy.proposals) == []

    def test_a_line_of_the_answer_may_be_what_is_returned(self) -> None:
        """Many pipelines take the first one."""
        spy = asked(
            Labeled(Settings(seed=1)),
            lambda _: "no\nidea",
            pipeline=lambda example: SHOUT(word=example.inputs["word"]).text.splitlines()[0],
        )

        assert len(spy.proposals) == 8


def in_two_of_three(request: Request) -> str:
    """Right in all repeats of a run but the first."""
    return right(request) if request.repeat else "no idea"


class TestBootstrap:
    """Demos from the pipeline's own runs."""

    def test_repeats_of_an_example_are_one_that_can_be_shown(self) -> None:
        """Sets are as full as without repeats, and as many examples are run for them."""
        spy = asked(Bootstrap(Settings(seed=1)), in_two_of_three, repeats=3)

        words = {request.messages[-1].content for request in spy.requests}
        assert len(words) == 16
        sizes = [len(state.demos) for state in spy.states("shout")]
        assert [size for number, size in enumerate(sizes, start=1) if number % 4] == [4] * 6


class TestRationale:
    """Demos with the model's reasoning."""

    def test_half_the_candidates_reason_and_half_show_the_answers_alone(self) -> None:
        """The instruction is the incumbent's, with or without reasoning."""
        spy = asked(Rationale(Settings(seed=1)), right)

        states = spy.states("shout")
        assert [state.reasoning for state in states] == [True, False] * 4
        for state in states:
            assert state.instruction == "shout"
            assert len(state.demos) >= 1
            for demo in state.demos:
                assert demo["loud"] == demo["word"].upper()
                assert ("reasoning" in demo) == state.reasoning
                assert demo.get("reasoning", "Say it louder.") == "Say it louder."

    def test_a_failed_run_is_tried_once_more_with_the_feedback_as_hint(self) -> None:
        """What passes then is shown without the hint; what fails again is not tried again."""

        def needs_a_hint(request: Request) -> str:
            system, question = request.messages[0].content, request.messages[-1].content
            if question == "word7":
                return "never"
            return right(request) if f"say {question.upper()}" in system else "no idea"

        def metric(example: Example, prediction: str) -> Score:
            passed = prediction == example.expected
            return Score(value=float(passed), feedback="" if passed else f"say {example.expected}")

        spy = asked(Rationale(Settings(seed=1)), needs_a_hint, metric=metric)

        keys = [(r.messages[0].content, r.messages[-1].content) for r in spy.requests]
        assert len(set(keys)) == len(keys) == 35, "19 first and 16 second tries"
        assert all("Think step by step" in system for system, _ in keys)
        for state in spy.states("shout"):
            assert state.demos
            assert "say" not in repr(state)
            assert all(demo["loud"] == demo["word"].upper() for demo in state.demos)

    def test_repeats_of_an_example_are_one_that_can_be_shown(self) -> None:
        """Sets are as full as without repeats, and what passed once needs no hint."""
        spy = asked(Rationale(Settings(seed=1)), in_two_of_three, repeats=3)

        assert not any("Hint" in request.messages[0].content for request in spy.requests)
        assert len({request.messages[-1].content for request in spy.requests}) == 16
        sizes = [len(state.demos) for state in spy.states("shout")]
        assert sizes[:6] == [4] * 6

    def test_a_hinted_example_is_shown_once_however_often_it_is_repeated(self) -> None:
        """Its repeats all pass then."""

        def hinted(request: Request) -> str:
            return right(request) if "Hint" in request.messages[0].content else "no idea"

        spy = asked(Rationale(Settings(seed=1)), hinted, repeats=3)

        assert [len(state.demos) for state in spy.states("shout")][:6] == [4] * 6

    def test_without_feedback_the_hint_is_the_expected_answer(self) -> None:
        """A metric need not have words."""
        spy = asked(
            Rationale(Settings(seed=1)),
            lambda _: "no idea",
            metric=lambda example, prediction: prediction == example.expected,
        )

        hints = [r.messages[0].content for r in spy.requests if "Hint" in r.messages[0].content]
        assert len(hints) == 8
        assert all("expected 'WORD" in hint for hint in hints)

    def test_reasoning_that_speaks_of_the_hint_is_not_shown(self) -> None:
        """Nobody will have one later."""

        def chatty(request: Request) -> str:
            if "Hint" in request.messages[0].content:
                return "The hint says so.\nFinal answer: " + request.messages[-1].content.upper()
            return "no idea"

        assert asked(Rationale(Settings(seed=1)), chatty).proposals == ()

    def test_a_model_that_reasons_badly_still_teaches_its_answers(self) -> None:
        """Where thinking spoils the answers, the pipeline as it is gives the demos."""

        def confused(request: Request) -> str:
            thinks = "Think step by step" in request.messages[0].content
            return "Well...\nFinal answer: ?" if thinks else right(request)

        spy = asked(Rationale(Settings(seed=1)), confused)

        assert [state.reasoning for state in spy.states("shout")] == [False] * 8
        assert all(state.demos for state in spy.states("shout"))

    def test_every_prompt_of_a_pipeline_reasons_however_often_it_is_called(self) -> None:
        """One that has a field of that name stays without, and shows its answers."""
        own = Prompt(name="own", instruction="x", inputs=["loud"], output="reasoning")

        def pipeline(example: Example) -> str:
            parts = [SHOUT(word=part).text for part in (example.inputs["word"], "a", "b")]
            return own(loud=parts[0]).text

        spy = asked(Rationale(Settings(seed=1)), right, pipeline=pipeline)

        for shout, plain in zip(spy.states("shout"), spy.states("own"), strict=True):
            assert not plain.reasoning
            assert all(set(demo) == {"loud", "reasoning"} for demo in plain.demos)
            assert plain.demos
            assert all(demo["loud"] == demo["word"].upper() for demo in shout.demos)
        assert [state.reasoning for state in spy.states("shout")] == [True, False] * 4

    def test_demos_that_answer_at_once_are_not_shown_to_the_teacher(self) -> None:
        """They would teach it not to think."""
        demo = {"word": "x", "loud": "X"}
        shown = Prompt(
            name="shout", instruction="shout", inputs=["word"], output="loud", demos=[demo]
        )
        spy = asked(
            Rationale(Settings(seed=1)),
            right,
            pipeline=lambda example: shown(word=example.inputs["word"]).text,
        )

        assert spy.requests
        assert all(len(request.messages) == 2 for request in spy.requests)
