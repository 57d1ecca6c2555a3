"""The cases: a process each, what it asks of the server, and what it leaves on files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from speed.clients import PEERS

CONCURRENCY = 32
OURS = "ours, Prompt"
ASYNC = "ours, Prompt, async"
CLIENT = "ours, OpenAI SDK"
WORKERS = "ours, Prompt, -n2"
REPLAY = "ours, replay"
PYTEST, UNUSED = "bare pytest", "plugin unused"
XDIST, XDIST_2 = "pytest with xdist", "pytest with xdist, -n2"

HEAD = """\
import pytest
from pytest_lmopt import Prompt

ROWS = [
    {{"id": str(n), "inputs": {{"word": f"word {{n}}"}}, "expected": "yes", "split": "dev"}}
    for n in range({examples})
]
suite = pytest.mark.lm_suite(
    dataset=ROWS, metric=lambda example, answer: answer == example.expected
)
"""
PROMPT = """
ask = Prompt(
    name="ask",
    instruction="Say yes.",
    inputs=["word"],
    output="answer",
    params={{"temperature": 0}},
)

@suite
"""
SUITES = {
    OURS: HEAD
    + PROMPT
    + """\
def test_throughput(lm_example):
    return ask(word=lm_example.inputs["word"]).text
""",
    ASYNC: HEAD
    + PROMPT
    + """\
async def test_throughput(lm_example):
    return (await ask.acall(word=lm_example.inputs["word"])).text
""",
    CLIENT: HEAD
    + """
import os
from speed.clients import Work, openai_ask

ask = openai_ask(Work(examples=1, concurrency=1, url=os.environ["OPENAI_BASE_URL"]))

@suite
async def test_throughput(lm_example):
    return await ask(lm_example.inputs["word"])
""",
    PYTEST: """\
import pytest

@pytest.mark.parametrize("n", range({examples}))
def test_throughput(n):
    assert n >= 0
""",
}
SUITES |= {WORKERS: SUITES[OURS], REPLAY: SUITES[OURS]}
SUITES |= dict.fromkeys((XDIST, XDIST_2, UNUSED), SUITES[PYTEST])
ASKED = (OURS, ASYNC, CLIENT, WORKERS)
BARE = (PYTEST, XDIST, XDIST_2, UNUSED)
NAMES = (*PEERS, *ASKED, REPLAY, *BARE)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One process: which, how many examples (or tests), the server's latency in seconds."""

    name: str
    examples: int
    latency: float = 0.0

    @property
    def requests(self) -> int:
        """How many the server must see."""
        return self.examples if self.name in PEERS or self.name in ASKED else 0

    @property
    def kept(self) -> bool:
        """Whether each example leaves a recording and a charge."""
        return self.name in ASKED

    @property
    def suite(self) -> str | None:
        """The text of the test file, if it is a pytest run."""
        suite = SUITES.get(self.name)
        return suite and suite.format(examples=self.examples)

    @property
    def options(self) -> list[str]:
        """What follows ``python`` in a pytest run: no plugin but those the case is about."""
        plugins = [] if self.name == PYTEST else ["-p", "xdist"]
        if self.name in (XDIST, XDIST_2):
            # each -p reads the entry points of all packages: as many as beside our plugin
            plugins += ["-p", "xdist.looponfail"]
        elif self.name != PYTEST:
            plugins += ["-p", "lmopt"]
        ours = [] if self.name in BARE else [f"--lm-concurrency={CONCURRENCY}"]
        return ["-m", "pytest", *plugins, *ours, *(["-n2"] if self.name.endswith("-n2") else [])]


def all_cases(examples: int, few: int, names: list[str]) -> list[Case]:
    """Return what a round measures; runs on ``few`` examples show what the start takes."""
    callers = [*PEERS, *ASKED]
    cases = [
        *(Case(name=name, examples=examples, latency=0.05) for name in callers),
        *(Case(name=name, examples=examples) for name in callers),
        # few examples of -n2 go to one worker
        *(Case(name=name, examples=few) for name in callers if name != WORKERS),
        *(Case(name=REPLAY, examples=n) for n in (few, examples)),
        *(Case(name=name, examples=n) for name in BARE for n in (1, examples)),
    ]
    return [case for case in cases if case.name in names]


def interpreters(peers: str) -> tuple[dict[str, str], list[str]]:
    """Return each peer's interpreter, this one or that of ``peers``, and those without one."""
    found: dict[str, str] = {}
    for python in dict.fromkeys([sys.executable, peers]):
        modules = [module for module, _ in PEERS.values()]
        test = (
            "import importlib.util as u, sys; print(*[bool(u.find_spec(m)) for m in sys.argv[1:]])"
        )
        ran = subprocess.run(
            [python, "-c", test, *modules], capture_output=True, check=True, text=True
        )
        for name, has in zip(PEERS, ran.stdout.split(), strict=True):
            if has == "True":
                found.setdefault(name, python)
    return found, [name for name in PEERS if name not in found]


def write_suite(case: Case, folder: Path) -> None:
    """Write the test file, where the case has one."""
    if case.suite is not None:
        (folder / "test_throughput.py").write_text(case.suite, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
