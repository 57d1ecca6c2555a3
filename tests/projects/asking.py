"""A suite whose pipeline asks models by clients of its own, on a provider's double."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic  # noqa: F401
import httpcore  # noqa: F401
import httpcore2  # noqa: F401
import openai  # noqa: F401
import pytest
from doubles.provider_server import ProviderServer
from projects.shouting import Project

# pytester forgets what its inner run imports first, and httpx keeps its map of httpcore's errors

PIPELINE = """\
import asyncio, contextlib, json, threading
import anthropic, httpx, httpx2, openai

URL = "{url}"
KEY = "sk-simulated-key"
GPT, EMBEDDING, CLAUDE = "gpt-4o-mini", "text-embedding-3-small", "claude-haiku-4-5"
gpt = openai.OpenAI(base_url=URL + "/v1", api_key=KEY)
async_gpt = openai.AsyncOpenAI(base_url=URL + "/v1", api_key=KEY)
claude = anthropic.Anthropic(base_url=URL, api_key=KEY)
async_claude = anthropic.AsyncAnthropic(base_url=URL, api_key=KEY)
RAW = {{
    "url": URL + "/v1/chat/completions",
    "headers": {{"authorization": "Bearer " + KEY}},
}}


def chat(text, **more):
    return {{"model": GPT, "messages": [{{"role": "user", "content": text}}], **more}}


def words(text):
    return "odd" if " odd" in text else "even" if " even" in text else text


"""

SUITE = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import ask

ROWS = [
    {{"id": f"row-{{n}}", "inputs": {{"row": f"row-{{n}}"}}, "expected": ("even", "odd")[n % 2],
      "split": "dev"}}
    for n in range({rows})
]

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match, {arguments})
{test} test_it(lm_example):
    return {ask}(lm_example.inputs["row"])
"""

SEEN: list[str] = []
"""What a pipeline notes of its run, for the test to look at."""


@dataclass(kw_only=True)
class Asking:
    """A project whose pipeline has ``ask(row)``: it says whether a row's number is odd."""

    project: Project
    server: ProviderServer
    rows: int = 4
    url: str = ""
    noted: list[str] = field(default_factory=list)
    _report: dict[str, Any] = field(default_factory=dict)

    def write(self, ask: str, arguments: str = "", *, before: str = "") -> None:
        """Write the pipeline, from its function ``ask``, and the suite."""
        head = PIPELINE.format(url=self.url or self.server.url)
        self.project.write("pipeline.py", head + before + ask)
        is_async = "async def ask(" in ask
        suite = SUITE.format(
            rows=self.rows,
            arguments=arguments,
            test="async def" if is_async else "def",
            ask="await ask" if is_async else "ask",
        )
        self.project.write("test_it.py", suite)

    def run(self, *options: str) -> pytest.RunResult:
        """Run the suite, and read its report."""
        file = self.file
        file.unlink(missing_ok=True)
        result = self.project.run("--lm-report=json:r.json", *options)
        self._report = {}
        self.noted, SEEN[:] = [*SEEN], []
        if file.exists():
            (self._report,) = json.loads(file.read_text(encoding="utf-8"))["suites"]
        return result

    @property
    def file(self) -> Path:
        """The file of the report."""
        return self.project.path / "r.json"

    @property
    def report(self) -> dict[str, Any]:
        """The suite's report of the last run."""
        return self._report

    @property
    def usage(self) -> dict[str, Any]:
        """The usage of the last run."""
        usage: dict[str, Any] = self._report["usage"]
        return usage

    @property
    def seen(self) -> int:
        """How many requests the server has seen."""
        requests: int = self.server.counts()["requests"]
        return requests
