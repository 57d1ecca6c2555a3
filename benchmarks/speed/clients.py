"""One call an example through what others offer, each as its documentation shows it.

    python clients.py NAME EXAMPLES CONCURRENCY BASE_URL

Runs in an environment that has the peer; it need not have this package. Every peer has its default
settings but for concurrency, bars and telemetry, and ends with status 0 if each example scores 1.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

MODEL, KEY, QUIET = (
    "none",
    "none",
    {"DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "LOGFIRE_IGNORE_NO_CONFIG": "1"},
)
Ask = Callable[[str], Awaitable[str | None]]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a peer is to do."""

    examples: int
    concurrency: int
    url: str

    @property
    def words(self) -> list[str]:
        """The examples' inputs."""
        return [f"word {number}" for number in range(self.examples)]


def chat(word: str) -> list[dict[str, str]]:
    """Return an example's messages."""
    return [{"role": "system", "content": "Say yes."}, {"role": "user", "content": word}]


async def right(work: Work, ask: Ask) -> int:
    """Ask all words, as many at a time as allowed; return how many were answered yes."""
    free = asyncio.Semaphore(work.concurrency)

    async def scored(word: str) -> bool:
        async with free:
            return await ask(word) == "yes"

    return sum(await asyncio.gather(*map(scored, work.words)))


async def raw_aiohttp(work: Work) -> int:
    """Post with one pooled session."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=work.concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(word: str) -> str:
            body = {"model": MODEL, "messages": chat(word), "temperature": 0}
            headers = {"Authorization": f"Bearer {KEY}"}
            url = f"{work.url}/chat/completions"
            async with session.post(url, json=body, headers=headers) as answer:
                answer.raise_for_status()
                return str((await answer.json())["choices"][0]["message"]["content"])

        return await right(work, ask)


async def raw_httpx(work: Work) -> int:
    """Post with one pooled client."""
    import httpx

    limits = httpx.Limits(max_connections=work.concurrency)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(limits=limits, headers=headers, timeout=60) as client:

        async def ask(word: str) -> str:
            body = {"model": MODEL, "messages": chat(word), "temperature": 0}
            answer = await client.post(f"{work.url}/chat/completions", json=body)
            return str(answer.raise_for_status().json()["choices"][0]["message"]["content"])

        return await right(work, ask)


def openai_ask(work: Work) -> Ask:
    """Return a call of OpenAI's SDK."""
    import openai

    client = openai.AsyncOpenAI(base_url=work.url, api_key=KEY)

    async def ask(word: str) -> str | None:
        messages: Any = chat(word)
        answer = await client.chat.completions.create(model=MODEL, messages=messages, temperature=0)
        return answer.choices[0].message.content

    return ask


async def openai_sdk(work: Work) -> int:
    """Ask with OpenAI's SDK, alone."""
    return await right(work, openai_ask(work))


async def bare_litellm(work: Work) -> int:
    """Ask with litellm, alone."""
    import litellm

    async def ask(word: str) -> str:
        answer: Any = await litellm.acompletion(
            f"openai/{MODEL}", chat(word), temperature=0, base_url=work.url, api_key=KEY
        )
        return str(answer.choices[0].message.content)

    return await right(work, ask)


async def dspy(work: Work) -> int:
    """Evaluate a program of one ``Predict``, DSPy's cache on its files."""
    import dspy

    lm = dspy.LM(f"openai/{MODEL}", api_base=work.url, api_key=KEY, temperature=0)
    dspy.configure(lm=lm)
    rows = [dspy.Example(word=word, answer="yes").with_inputs("word") for word in work.words]
    evaluate = dspy.Evaluate(
        devset=rows,
        metric=lambda row, found, _trace=None: row.answer == found.answer,
        num_threads=work.concurrency,
        display_progress=False,
    )
    score: float = evaluate(dspy.Predict("word -> answer")).score
    return round(score * work.examples / 100)


async def pydantic_evals(work: Work) -> int:
    """Evaluate a task that asks with OpenAI's SDK."""
    from pydantic_evals import Case, Dataset
    from pydantic_evals.evaluators import EqualsExpected

    ask = openai_ask(work)
    dataset = Dataset(
        name="throughput",
        cases=[Case(name=word, inputs=word, expected_output="yes") for word in work.words],
        evaluators=[EqualsExpected()],
    )

    async def task(word: str) -> str | None:
        return await ask(word)

    report = await dataset.evaluate(task, max_concurrency=work.concurrency, progress=False)
    return sum(all(found.value for found in case.assertions.values()) for case in report.cases)


async def deepeval(work: Work) -> int:
    """Ask with OpenAI's SDK, then evaluate the answers as deepeval's test cases."""
    import deepeval
    from deepeval.evaluate import AsyncConfig, DisplayConfig
    from deepeval.metrics import ExactMatchMetric
    from deepeval.test_case import LLMTestCase

    ask, answers = openai_ask(work), dict[str, str | None]()

    async def keep(word: str) -> str | None:
        answers[word] = await ask(word)
        return answers[word]

    await right(work, keep)
    cases = [
        LLMTestCase(input=word, actual_output=answers[word], expected_output="yes")
        for word in work.words
    ]

    def evaluated() -> int:
        found = deepeval.evaluate(
            test_cases=cases,
            metrics=[ExactMatchMetric()],
            async_config=AsyncConfig(max_concurrent=work.concurrency),
            display_config=DisplayConfig(show_indicator=False, print_results=False),
        )
        return sum(bool(result.success) for result in found.test_results)

    return await asyncio.to_thread(evaluated)


PEERS: dict[str, tuple[str, Callable[[Work], Coroutine[Any, Any, int]]]] = {
    "raw aiohttp": ("aiohttp", raw_aiohttp),
    "raw httpx": ("httpx", raw_httpx),
    "OpenAI SDK": ("openai", openai_sdk),
    "bare litellm": ("litellm", bare_litellm),
    "DSPy": ("dspy", dspy),
    "pydantic-evals": ("pydantic_evals", pydantic_evals),
    "deepeval": ("deepeval", deepeval),
}
"""The module that a peer needs, and what it does, by the name in the tables."""


def main(name: str, examples: str, concurrency: str, url: str) -> None:
    """Run one peer; end with status 1 unless every example was right."""
    os.environ.update(QUIET)
    work = Work(examples=int(examples), concurrency=int(concurrency), url=url)
    found = asyncio.run(PEERS[name][1](work))
    if found != work.examples:
        raise SystemExit(f"{name}: expected {work.examples} right answers, found {found}")


if __name__ == "__main__":
    main(*sys.argv[1:])
