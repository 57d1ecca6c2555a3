"""The real task: the example's ledger, whose dates the packaged local model writes as ISO 8601.

``LMOPT_BENCH_MODEL`` is the URL of its server, ``LMOPT_BENCH_ANSWERS`` a file that keeps every
answer at temperature 0: the model's arithmetic varies a little with what it happens to batch, and
here equal requests are to get equal answers, whoever asks.
"""

from __future__ import annotations

import json
import os
import random
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from parity.server import Server, fingerprint_of
from parity.tasks import Task
from parity.world import Messages, World

LEDGER = "ledger dates"
LABELLED = 60
"""Of the 150 rows; the others are the test."""
ROWS = Path(__file__).parents[2] / "example_project/tests/ledger.jsonl"
ROLE = "Convert the date to ISO 8601 (YYYY-MM-DD). Answer with the date only."
TASK = Task(name=LEDGER, story="the example's dates, on the packaged model", base=0.0, real=(ROLE,))
ANSWER = {"temperature": 0, "max_tokens": 12}
PROPOSAL = {"temperature": 1.0, "max_tokens": 60}


class Ledger(World):
    """The rows of the ledger, in an order of the seed's."""

    def __init__(self, seed: int) -> None:
        super().__init__(TASK, seed)
        rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
        self._rows: list[tuple[str, str]] = [(r["inputs"]["entry"], r["expected"]) for r in rows]
        self.questions = {entry for entry, _ in self._rows}
        self._order = random.Random(f"ledger/{seed}").sample(range(len(rows)), len(rows))

    @cached_property
    def items(self) -> Sequence[int]:
        """The labelled rows."""
        return self._order[:LABELLED]

    @property
    def tested(self) -> Sequence[int]:
        """The rows no method sees."""
        return self._order[LABELLED:]

    def question(self, item: int) -> str:
        """A row's entry."""
        return self._rows[item][0]

    def right(self, item: int) -> str:
        """A row's date."""
        return self._rows[item][1]

    def score(self, item: int, answer: str) -> float:
        """1 for the date and nothing else."""
        return float(answer.strip() == self.right(item))

    def feedback(self, item: int, answer: str) -> str:
        """What the metric says of an answer, the same to everyone."""
        return "right" if self.score(item, answer) else f"wrong: it is {self.right(item)}"


class LedgerServer(Server):
    """Hands requests on to the packaged model's server, and counts."""

    world: Ledger

    def __init__(self, world: Ledger) -> None:
        super().__init__(world)
        self._url = os.environ["LMOPT_BENCH_MODEL"] + "/v1/chat/completions"
        self._file = Path(os.environ["LMOPT_BENCH_ANSWERS"])
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        self._known: dict[str, str] = dict(json.loads(line) for line in lines)

    def replies(self, messages: Messages, n: int = 1) -> list[str]:
        """Answer a request, and count it once, however many answers it asks for."""
        self.counts.calls += 1
        if messages[-1]["content"] not in self.world.questions:
            self.counts.proposer_calls += 1
            return [self._asked(messages, PROPOSAL) for _ in range(n)]
        self.counts.prompts = fingerprint_of(messages)
        key = json.dumps(messages)
        if key not in self._known:
            self._known[key] = self._asked(messages, ANSWER)
            with self._file.open("a") as file:
                file.write(json.dumps([key, self._known[key]]) + "\n")
        return [self._known[key]] * n

    def worth(self, ask: Callable[[int], str]) -> tuple[float, str]:
        """The mean score over the test rows."""
        score = fmean(self.world.score(item, ask(item)) for item in self.world.tested)
        return score, self.counts.prompts

    def _asked(self, messages: Messages, params: dict[str, Any]) -> str:
        body = json.dumps({"messages": messages, **params}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                text: str = json.load(answer)["choices"][0]["message"]["content"]
                return text
        except urllib.error.HTTPError:  # longer than the model can read
            return ""
