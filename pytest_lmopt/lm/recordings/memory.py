"""Recordings that last as long as a block of a suite whose store is on another machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_lmopt.lm.recordings.files import Answer
from pytest_lmopt.wire import Completion, Request


class MemoryStore:
    """What was known before, by key, and ``new`` answers in the order they came."""

    def __init__(self, known: Mapping[str, Completion]) -> None:
        self._answers = dict(known)
        self.new: list[Answer] = []

    def get(self, key: str, *, since: float = 0.0) -> Completion | None:  # noqa: ARG002 - the protocol's
        """The answer, marked as replayed; ``since`` was heeded by whoever sent it."""
        return self._answers.get(key)

    def recent(self, model: str | None) -> Sequence[Request]:
        """Those asked here; of what was known before, the requests stay where they are."""
        return [request for request, _ in self.new if model in (None, request.model)]

    def put(self, request: Request, completion: Completion) -> None:
        """Keep a new answer."""
        self._answers[request.key] = replace(completion, usage=completion.usage.as_replayed)
        self.new.append((request, completion))

    def claim(self, key: str) -> bool:  # noqa: ARG002
        """Always: nobody else has this store."""
        return True

    def release(self, key: str) -> None:
        """Do nothing: nobody else has this store."""

    async def aput(self, request: Request, completion: Completion) -> None:
        """Keep a new answer."""
        self.put(request, completion)

    async def aclaim(self, key: str) -> bool:
        """Always, as ``claim``."""
        return self.claim(key)

    def end_claim(self, key: str) -> None:
        """Do nothing, as ``release``."""
