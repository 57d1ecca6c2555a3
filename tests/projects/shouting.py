"""A small project that shouts words, with one or two prompts, on the simulated model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles.function_model import FunctionModel
from doubles.manual_clock import ManualClock

SHOUT = """\
# how we shout
instruction: |
  SHOUT the word.
inputs: [word]
output: loud
params: {temperature: 0}
"""

MIRROR = """\
instruction: |
  MIRROR the word.
inputs: [loud]
output: mirrored
params: {temperature: 0}
"""

PIPELINE = """\
from pathlib import Path
from pytest_lmopt import Prompt

HERE = Path(__file__).parent
shout = Prompt.load(HERE / "shout.yaml")
mirror = Prompt.load(HERE / "mirror.yaml")


def one_step(word):
    return shout(word=word).text


def two_steps(word):
    return mirror(loud=shout(word=word).text).text
"""

SUITE = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import one_step

WORDS = [{{"id": f"w{{i}}", "inputs": {{"word": f"word{{i}}"}}, "expected": f"WORD{{i}}"}}
         for i in range({examples})]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, {arguments})
def test_shout(lm_example):
    return one_step(lm_example.inputs["word"])
"""


APART = """\
from pathlib import Path
from doubles.function_model import FunctionModel
from doubles.manual_clock import ManualClock
from pytest_lmopt.testing import SimulatedModel

MODEL = FunctionModel({answer}, log=Path(__file__).with_name("asked.jsonl"))


def pytest_lmopt_lm():
    return MODEL.pytest_lmopt_lm()
"""


class Project:
    """A project folder that pytest runs in, with ``model`` to answer its suites.

    Without one, whatever serves ``openai/simulated`` answers them. Runs in this process go by
    ``clock`` where one is given.
    """

    def __init__(
        self,
        pytester: pytest.Pytester,
        model: FunctionModel | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self._pytester = pytester
        self._plugins = [plugin for plugin in (model, clock) if plugin is not None]
        self.write("tox.ini", "[pytest]\nlm_model = openai/simulated\npythonpath = .\n")
        self.write("pipeline.py", PIPELINE)
        self.write("shout.yaml", SHOUT)
        self.write("mirror.yaml", MIRROR)

    @property
    def path(self) -> Path:
        """The project's folder."""
        return self._pytester.path

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.path / name
        path.write_text(text, encoding="utf-8")
        return path

    def suite(self, arguments: str = "", *, examples: int = 80) -> None:
        """Write the test file: one suite that shouts words, with further mark arguments."""
        self.write("test_words.py", SUITE.format(arguments=arguments, examples=examples))

    def second_suite(self, arguments: str = "", *, words: str = "word") -> None:
        """Add a suite ``test_other`` that shouts other words with the same prompt."""
        more = SUITE.replace("word{{i}}", words + "{{i}}").replace(
            "WORD{{i}}", words.upper() + "{{i}}"
        )
        more = more[more.index("WORDS") :].replace("WORDS", "OTHERS").replace("_shout(", "_other(")
        text = (self.path / "test_words.py").read_text(encoding="utf-8")
        self.write("test_words.py", text + "\n" + more.format(arguments=arguments, examples=120))

    def run(self, *options: str) -> pytest.RunResult:
        """Run pytest on the project, in this process."""
        return self._pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", *options, plugins=self._plugins
        )

    def answer_apart(
        self, answer: str = "SimulatedModel().answer", *, before: str = "", after: str = ""
    ) -> None:
        """Have a ``conftest.py`` offer the model ``answer`` to all processes of later runs.

        The source ``before`` and ``after`` becomes part of it: imports, faults of its ``MODEL``.
        """
        self.write("conftest.py", before + APART.format(answer=answer) + after)

    @property
    def asked_apart(self) -> int:
        """How many requests that model has seen, in all processes."""
        log = self.path / "asked.jsonl"
        return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0

    def run_apart(self, *options: str) -> pytest.RunResult:
        """Run pytest on the project in a process of its own."""
        return self._pytester.runpytest_subprocess(*options, timeout=120)

    def files(self, folders: Sequence[str] = ("__lm_snapshots__",)) -> dict[str, bytes]:
        """Every file below some folders, by relative path."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for folder in folders
            for path in sorted((self.path / folder).rglob("*"))
            if path.is_file()
        }


TIMES = ("seconds", "milliseconds", "efficient", "charged", "replayed")
"""Fields of reports that say how long something took or whether it was asked anew, or follow."""


def untimed(report: Any) -> Any:
    """A report, or a part of one, without what differs from run to run: how long it took."""
    if isinstance(report, dict):
        return {name: untimed(value) for name, value in report.items() if name not in TIMES}
    if isinstance(report, list):
        return [untimed(value) for value in report]
    return report
