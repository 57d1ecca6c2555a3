"""The answers the leader knows for a block: the store is here, and sent along is what it may need.

Which requests a run makes is known only once it has made them, so it is noted by candidate,
example and repeat. Of what a run without such notes asked for, the leader looks up what it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeGuard

from pytest_lmopt.blocks.runner import Block
from pytest_lmopt.canonical import digest
from pytest_lmopt.lm.recordings.files import Answer
from pytest_lmopt.lm.recordings.protocol import Recordings
from pytest_lmopt.lm.recordings.recorded import CacheMode, portable_key
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.wire import Completion, Refusal, Request

INCUMBENT = Candidate(name="incumbent", states={}).digest
"""Steps before the first changed prompt ask what the incumbent's did."""


class KnownAnswers:
    """What is recorded, for one suite; ``committed`` and ``since`` are as in ``Recorded``."""

    def __init__(
        self,
        suite: str,
        store: Recordings | None,
        *,
        mode: CacheMode,
        committed: Mapping[str, Completion],
        since: float,
    ) -> None:
        self._suite = suite
        self._store = store
        self._committed = committed
        self._replays = mode == "replay"
        self._since = since if mode == "refresh" else 0.0
        self.may_have_more = mode == "auto" and bool(
            committed or (store is not None and not store.is_empty())
        )
        """Whether runs that nothing was noted of may have been recorded nevertheless."""

    def of(self, block: Block) -> dict[str, Completion]:
        """What was noted of a block, by the requests' keys."""
        if self._store is None:
            return {}
        found: dict[str, Completion] = {}
        candidates = {block.candidate.digest, INCUMBENT}
        for example in block.examples:
            for candidate in candidates:
                for key in self._store.keys_at(self._place(candidate, example, block.repeat)):
                    answer = self._store.get(key, since=self._since)
                    if self._may_use(answer):
                        found[key] = answer
        return found

    def find(self, requests: Iterable[Request]) -> dict[str, Completion]:
        """Those of these requests that have an answer, by key."""
        found: dict[str, Completion] = {}
        for request in requests:
            key = request.key
            answer = self._store.get(key, since=self._since) if self._store else None
            if not self._may_use(answer):
                answer = self._committed.get(portable_key(request), answer)
            if self._may_use(answer):
                found[key] = answer
        return found

    def record(self, answers: Iterable[Answer]) -> None:
        """Keep new answers."""
        if self._store is not None:
            for request, completion in answers:
                self._store.put(request, completion)

    def note(self, block: Block, runs: Iterable[ScoredRun]) -> None:
        """Note what a block's complete runs asked for."""
        if self._store is None:
            return
        examples = {example.id: example for example in block.examples}
        self._store.note_places(
            (
                self._place(block.candidate.digest, examples[run.example], run.repeat),
                call.request.key,
            )
            for run in runs
            for call in (*run.trace, *run.judging)
            if call.request is not None and call.usage.calls
        )

    def _may_use(self, answer: Completion | None) -> TypeGuard[Completion]:
        """Whether it can stand for asking: a refusal can in a replay only."""
        return answer is not None and (self._replays or not isinstance(answer, Refusal))

    def _place(self, candidate: str, example: Example, repeat: int) -> str:
        return digest([self._suite, candidate, example.id, example.digest, repeat])
