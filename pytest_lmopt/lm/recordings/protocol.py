"""Where recorded answers are kept: what a suite's LM needs, and what a session needs besides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_lmopt.wire import Completion, Request


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was dropped, and the bytes that the recordings took before and after."""

    recordings: int
    before: int
    after: int


class Store(Protocol):
    """Answers that were paid for, and which process is about to ask for one.

    Raises ``RecordingsError`` where they can't be used.
    """

    def get(self, key: str, *, since: float = 0.0) -> Completion | None:
        """The recorded answer, marked as replayed; None if there is none made since then, or none
        that can be read.

        ``since`` is a time in seconds as ``Clock.time`` counts them.
        """

    def recent(self, model: str | None) -> Sequence[Request]:
        """The newest recorded requests to a model, without repeats: what a miss is compared with.

        Those to any model where it is None. Not all need be known.
        """

    def put(self, request: Request, completion: Completion) -> None:
        """Record an answer, replacing an older one; durable when this returns.

        It ends the claim on the request's key, whoever had it.
        """

    async def aput(self, request: Request, completion: Completion) -> None:
        """Record an answer as ``put`` does, together with those that come at once.

        As ``aclaim``, may be called on any event loop, and needs no other to go on.
        """

    def claim(self, key: str) -> bool:
        """Whether this process is the one to ask; False while another that lives is asking."""

    async def aclaim(self, key: str) -> bool:
        """Claim as ``claim`` does, together with those that come at once."""

    def release(self, key: str) -> None:
        """Give a claim up, so that others may ask; one that ``put`` has settled is gone already."""

    def end_claim(self, key: str) -> None:
        """Give a claim up as ``release`` does, without waiting for the file."""


class Recordings(Store, Protocol):
    """A project's recordings, as one process has them open."""

    notice: str
    """What befell them, in a line; empty mostly."""

    def note_places(self, keys: Iterable[tuple[str, str]]) -> None:
        """Note at which places in a suite, named by the caller, which answers were used."""

    def keys_at(self, place: str) -> list[str]:
        """The keys noted for a place; not all need be recorded still."""

    def is_empty(self) -> bool:
        """Whether nothing is recorded."""

    def note_use(self) -> None:
        """Write down that what was read since the last time has been of use now."""

    def close(self) -> None:
        """Let go of them, once the answers that are still under way have had time to arrive.

        What this process still claims then is given up.
        """
