"""Blocks and scored runs survive the way through JSON."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import replace

import pytest

from pytest_lmopt import Example, Prompt, known_secrets
from pytest_lmopt.blocks.plain import (
    NotPlainError,
    block_from_text,
    block_to_text,
    runs_from_text,
    runs_to_text,
)
from pytest_lmopt.blocks.runner import Block
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.score import Score
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.metrics.scoring import run_and_score
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import Message, Request, ToolCall, Usage

SHOUT = Prompt(
    name="shout",
    instruction="SHOUT",
    inputs=["word"],
    output="loud",
    demos=[{"word": "a", "loud": "A"}],
    params={"temperature": 0, "stop": ["\n"]},
).state
OTHER = replace(SHOUT, instruction="Shout", reasoning=True)
EXAMPLES = {name: Example(id=name, inputs={"word": name}) for name in ("a", "b", "c")}
REQUEST = Request(
    model="openai/m",
    messages=(Message("system", "SHOUT"), Message("user", "half a pair: \ud800")),
    params={"max_tokens": 5, "temperature": 0.5},
    repeat=2,
)
CALL = Call(
    prompt="shout",
    inputs={"word": "a"},
    outputs={"loud": "A"},
    text="A",
    usage=Usage(calls=1, input_tokens=3, micro_usd=None),
    request=REQUEST,
)
RUN = ScoredRun(
    example="a",
    repeat=2,
    ending=Ending.RETURNED,
    score=Score(value=0.25, feedback="nearly"),
    got="A",
    answered=((0, "fields"),),
    trace=(CALL,),
    judging=(
        replace(
            CALL, request=None, reasoning="so", error="down", unrecorded=True, whole={"a": [1]}
        ),
        replace(
            CALL,
            client="mine",
            dialect="openai.chat",
            tool_calls=(ToolCall("c", "weather", "{}"),),
            usage=Usage(calls=1, cached_tokens=2, reasoning_tokens=1),
        ),
    ),
    states={"shout": SHOUT, "other": OTHER},
)


def test_a_block_arrives_as_it_was_sent() -> None:
    """Candidate, examples in their order, repeat."""
    candidate = Candidate(name="c", states={"shout": SHOUT})
    block = Block(candidate=candidate, examples=(EXAMPLES["c"], EXAMPLES["a"]), repeat=3)

    assert block_from_text(block_to_text(block), EXAMPLES) == block


def test_scored_runs_arrive_as_they_were_sent() -> None:
    """Requests keep their keys, and prompts outside the candidate travel along."""
    candidate = Candidate(name="c", states={"shout": SHOUT})

    (arrived,) = runs_from_text(runs_to_text([RUN], candidate), candidate)

    assert arrived == RUN
    assert arrived.trace[0].request is not None
    assert arrived.trace[0].request.key == REQUEST.key
    assert arrived.usage == RUN.usage


def test_what_json_lacks_arrives_as_the_text_a_template_shows() -> None:
    """Inputs and outputs only; nothing else of a run can be of such a kind."""
    day = datetime.date(2024, 2, 29)
    odd = replace(CALL, inputs={"word": day, "more": {("a", "b"): 1}})

    (arrived,) = runs_from_text(
        runs_to_text([replace(RUN, trace=(odd,))], Candidate(name="c", states={})),
        Candidate(name="c", states={}),
    )

    assert arrived.trace[0].inputs == {"word": "2024-02-29", "more": "{('a', 'b'): 1}"}


def test_a_prompt_that_would_arrive_as_another_one_is_not_sent() -> None:
    """Its digest would differ, and with it what the snapshot says of it."""
    dated = SHOUT.with_demos([{"word": datetime.date(2024, 2, 29), "loud": "A"}])
    candidate = Candidate(name="c", states={"shout": dated})

    with pytest.raises(NotPlainError, match="no JSON"):
        block_to_text(Block(candidate=candidate, examples=()))
    with pytest.raises(NotPlainError):
        runs_to_text([replace(RUN, states={"shout": dated})], Candidate(name="c", states={}))


def test_what_leaves_a_worker_holds_no_key_that_only_the_worker_knows() -> None:
    """Neither why a run failed, what it returned, its feedback nor a call's error."""
    key = "unheard-of-0123456789"

    def pipeline(example: Example) -> str:
        known_secrets.note_arguments({"api_key": key})
        if example.id == "a":
            raise RuntimeError(f"refused {key}")
        return f"sent {key}"

    suite = Suite(
        name="s",
        pipeline=pipeline,
        dataset=Dataset(examples=tuple(EXAMPLES.values()), source="s"),
        metric=lambda _, got: Score(value=0.0, feedback=f"found {got}"),
    )
    candidate = Candidate(name="c", states={})

    async def story() -> list[ScoredRun]:
        with InProcessExecutor(lm=FunctionLM(lambda _: ""), model="m") as executor:
            return await run_and_score(suite, executor, candidate, suite.dataset.examples)

    text = runs_to_text(asyncio.run(story()), candidate)
    known_secrets.forget()
    assert text.count("[secret]") == 6
    assert key not in text
