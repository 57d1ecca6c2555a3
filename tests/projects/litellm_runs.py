"""Runs of small pipelines that call litellm, with the LM of a suite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import litellm
from doubles.manual_clock import ManualClock
from litellm import acompletion, completion

from pytest_lmopt import Budget, Example
from pytest_lmopt.lm.local.model import LocalModel
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.recordings.recorded import CacheMode
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.stack import Provider, suite_lm
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.run import Run
from pytest_lmopt.suites.candidate import Candidate

MODEL = "openai/shouting"


NAMED = "localhost/shouting"
"""The model's name: its server is on this machine."""


WORDS = tuple(f"word {number}" for number in range(12))


class Session:
    """A suite's LM as a session assembles it, with one store for all its runs.

    Retries go by a clock that jumps over their waits.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = ManualClock()
        self.store = SqliteRecordings(folder / "recordings.sqlite")
        self.ledger = Ledger([])

    def lm(self, budget: Budget | None = None, mode: CacheMode = "auto") -> LM:
        """The LM of one suite, with a ledger of its own."""
        self.ledger = Ledger([Account(budget or Budget(), owner="the suite")])
        provider = Provider(LocalModel(folder=lambda: self._folder, owner=own_token()))
        return suite_lm(
            provider, ledger=self.ledger, store=self.store, mode=mode, clock=self._clock
        )

    def run(
        self,
        pipeline: Callable[[str], Any],
        *,
        words: Sequence[str] = WORDS,
        budget: Budget | None = None,
        mode: CacheMode = "auto",
    ) -> Sequence[Run]:
        """The runs of a pipeline over some words."""
        lm = self.lm(budget, mode)
        examples = [Example(id=word, inputs={"word": word}) for word in words]

        async def of_example(example: Example) -> Any:
            return await pipeline(example.inputs["word"])

        def of_example_in_thread(example: Example) -> Any:
            return pipeline(example.inputs["word"])

        asynchronous = asyncio.iscoroutinefunction(pipeline)

        async def block() -> Sequence[Run]:
            with InProcessExecutor(lm=lm, concurrency=6, patience=0.2) as executor:
                return await executor.run_block(
                    of_example if asynchronous else of_example_in_thread,
                    Candidate(name="incumbent", states={}),
                    examples,
                )

        return asyncio.run(block())


def messages(word: str) -> list[dict[str, Any]]:
    """What all pipelines here ask."""
    return [{"role": "system", "content": "SHOUT."}, {"role": "user", "content": word}]


def text_of(answer: Any) -> str:
    """The text of a ``ModelResponse``."""
    return str(answer.choices[0].message.content)


def by_name(word: str) -> str:
    """``from litellm import completion`` at the top of the module, long before any run."""
    return text_of(completion(model=MODEL, messages=messages(word)))


def streamed(word: str) -> str:
    """A stream, chunk by chunk."""
    chunks = completion(model=MODEL, messages=messages(word), stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def awaited(word: str) -> str:
    """The async function."""
    return text_of(await acompletion(model=MODEL, messages=messages(word)))


async def awaited_stream(word: str) -> str:
    """A stream in async code, of the class that litellm's streams have."""
    stream = await litellm.acompletion(model=MODEL, messages=messages(word), stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
