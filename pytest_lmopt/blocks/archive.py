"""Where scored runs are kept: on disk, so that memory does not grow with traces."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping

from pytest_lmopt.blocks.plain import run_from_plain, run_to_plain
from pytest_lmopt.metrics.scored_run import Outcome, ScoredRun
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Usage

MOST_SHARED = 4_096
"""Different usages, or scores, of which equal ones are kept once."""

_SCHEMA = """
CREATE TABLE runs (prompts TEXT, example TEXT, repeat INTEGER, run TEXT,
                   PRIMARY KEY (prompts, example, repeat)) WITHOUT ROWID;
"""


class Archive:
    """The scored runs of one suite in this process, in a temporary file that ends with it.

    ``candidate`` stands for a candidate's digest.
    """

    def __init__(self) -> None:
        # without a name SQLite makes a file of its own, which nobody else can open
        self._runs = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._runs.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_SCHEMA}")
        self._states: dict[str, PromptState] = {}
        self._called: dict[tuple[tuple[str, str], ...], Mapping[str, PromptState]] = {}
        self._models: dict[frozenset[str], frozenset[str]] = {}
        self._usages: dict[tuple[int | None, ...], Usage] = {}
        self._values: dict[float, float] = {}

    def put(self, candidate: str, runs: Iterable[ScoredRun]) -> list[Outcome]:
        """Keep the runs; what is to stay in memory of each."""
        outcomes, rows = [], []
        for run in runs:
            plain = run_to_plain(run)
            rows.append((candidate, run.example, run.repeat, json.dumps(plain)))
            models = run.client_models
            outcomes.append(
                Outcome(
                    example=run.example,
                    repeat=run.repeat,
                    ending=run.ending,
                    value=self._shared_value(run.score.value) if run.score else None,
                    kind=sys.intern(run.kind),
                    missing=run.missing,
                    usage=self._shared_usage(run.usage),
                    states=self._shared(plain["states"], run.states),
                    client_models=self._models.setdefault(models, models),
                    varies=run.varies,
                )
            )
        self._runs.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", rows)
        return outcomes

    def read(self, candidate: str, outcomes: Iterable[Outcome]) -> Iterator[ScoredRun]:
        """The whole runs of some outcomes of a candidate, one after the other."""
        query = "SELECT run FROM runs WHERE prompts = ? AND example = ? AND repeat = ?"
        for outcome in outcomes:
            row = self._runs.execute(query, (candidate, outcome.example, outcome.repeat)).fetchone()
            yield run_from_plain(json.loads(row[0]), self._states)

    def _shared_value(self, value: float) -> float:
        """One object for equal scores: most datasets have few different ones."""
        if len(self._values) < MOST_SHARED:
            return self._values.setdefault(value, value)
        return self._values.get(value, value)

    def _shared_usage(self, usage: Usage) -> Usage:
        """One object for equal usages, milliseconds included."""
        figures = tuple(vars(usage).values())
        if len(self._usages) < MOST_SHARED:
            return self._usages.setdefault(figures, usage)
        return self._usages.get(figures, usage)

    def _shared(
        self, digests: Mapping[str, str], states: Mapping[str, PromptState]
    ) -> Mapping[str, PromptState]:
        """One mapping for all runs that called the same prompts."""
        known = self._called.get(tuple(digests.items()))
        if known is None:
            known = self._called[tuple(digests.items())] = dict(states)
            self._states |= {digests[key]: state for key, state in states.items()}
        return known
