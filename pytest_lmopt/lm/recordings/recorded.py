"""Recordings: every answer kept under its request's key, so that none is paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import CallerLeftError, RefusedError, UnrecordedError
from pytest_lmopt.errors.running import CLOSEST
from pytest_lmopt.lm.local.model import model_identity
from pytest_lmopt.lm.recordings.closest import difference
from pytest_lmopt.lm.recordings.files import Records
from pytest_lmopt.lm.recordings.protocol import Store
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.tracing import may_land
from pytest_lmopt.lm.waiting import is_patient
from pytest_lmopt.safe_text import hide_carried, through
from pytest_lmopt.wire import Completion, Refusal, Request, Usage

CacheMode = Literal["auto", "replay", "refresh", "off"]

LOOK_AGAIN_SECONDS = 0.05
"""How often to look whether another process has its answer."""

EXPLAINED = 3
"""Misses that are compared with what is recorded: mostly all have one cause."""


@dataclass(kw_only=True)
class _Flight:
    """A call under way, and how many wait for it."""

    work: asyncio.Future[Completion]
    waiting: int = 0


class Recorded:
    """Answers from the recordings where it can; identical requests in flight make one call.

    ``auto`` asks for what is missing; ``replay`` never asks; ``refresh`` asks once for everything
    not recorded since ``since`` (``Clock.time`` seconds; by default since now). ``committed`` are
    further recordings by key, for what the store lacks; ``refresh`` leaves them out. A refusal is
    recorded for ``replay`` alone: others ask again, as its cause may be gone.
    """

    def __init__(
        self,
        lm: LM,
        store: Store,
        *,
        mode: CacheMode,
        committed: Mapping[str, Completion] | None = None,
        since: float | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self._lm = lm
        self._clock = clock
        self._store = store
        self._mode = mode
        self._committed = committed or {}
        self._since = (since or clock.time()) if mode == "refresh" else 0.0
        self._in_flight: dict[str, _Flight] = {}
        self._misses = 0

    async def complete(self, request: Request) -> Completion:
        """A recorded or new answer; in ``replay`` mode an unknown request is missing."""
        if not request.recordable:
            return await self._lm.complete(request)
        key = request.key
        while key in self._in_flight and is_patient():
            try:
                shared = await self._landing(key, self._in_flight[key])
            except CallerLeftError:
                continue  # this caller's client sends it, then
            return replace(shared, usage=shared.usage.as_replayed)
        recorded = self._store.get(key, since=self._since)
        if (recorded is None or isinstance(recorded, Refusal)) and self._mode != "refresh":
            recorded = self._committed.get(portable_key(request), recorded)
        if isinstance(recorded, Refusal):
            if self._mode == "replay":
                raise RefusedError(recorded.problem, request=request, answer=recorded.whole)
        elif recorded is not None:
            return recorded
        if self._mode == "replay":
            raise self._unrecorded(request)
        work = asyncio.ensure_future(self._ask(request, key))
        flight = self._in_flight[key] = _Flight(work=work)
        work.add_done_callback(lambda done: self._landed(key, done))
        return await self._landing(key, flight)

    def _unrecorded(self, request: Request) -> UnrecordedError:
        """The error of a miss; the first ones say how the closest recorded request differs."""
        self._misses += 1
        problem = (
            f"not recorded (--lm-cache=replay): {request.model}, "
            f"{request.messages[-1].content[:200]!r}, key {request.key[:12]}"
        )
        if self._misses <= EXPLAINED:
            # nothing may be recorded for the model: its provider is that of the client's base URL
            recorded = self._recent(request.model) or self._recent(None)
            differing = difference(request, recorded)
            problem += f"{CLOSEST}{differing}" if differing else ""
        return UnrecordedError(problem, request=request)

    def _recent(self, model: str | None) -> Sequence[Request]:
        recorded = [*self._store.recent(model)]
        if isinstance(self._committed, Records):
            recorded += self._committed.recent(None if model is None else portable_model(model))
        return recorded

    async def _landing(self, key: str, flight: _Flight) -> Completion:
        flight.waiting += 1
        try:
            # shielded: the answer is paid for and may be shared, even if who asked first has gone
            return await asyncio.shield(flight.work)
        except asyncio.CancelledError:
            if flight.waiting == 1 and not may_land():
                self._in_flight.pop(key, None)
                flight.work.cancel()
            raise
        finally:
            flight.waiting -= 1

    def _landed(self, key: str, work: asyncio.Future[Completion]) -> None:
        flight = self._in_flight.get(key)
        if flight is not None and flight.work is work:
            del self._in_flight[key]
        if not work.cancelled():
            work.exception()  # marks it as seen where everybody who waited was cancelled

    async def _ask(self, request: Request, key: str) -> Completion:
        """Ask, unless another process is asking: its answer then serves both."""
        while not await self._store.aclaim(key):
            await self._clock.sleep(LOOK_AGAIN_SECONDS)
        try:
            recorded = self._store.get(key, since=self._since)
            if recorded is not None and not isinstance(recorded, Refusal):
                return recorded
            completion = await self._lm.complete(request)
            await self._store.aput(request, completion)
            return completion
        except RefusedError as error:
            # a provider may quote the key
            whole = through(error.answer, hide_carried) if error.answer is not None else None
            refusal = Refusal(text="", usage=Usage(), problem=str(error), whole=whole)
            await self._store.aput(request, refusal)
            raise
        finally:
            self._store.end_claim(key)


def portable_key(request: Request) -> str:
    """The key under which a request is committed: a model file by its name, not its place."""
    model = portable_model(request.model)
    return request.key if model == request.model else replace(request, model=model).key


def portable_model(model: str) -> str:
    """The name of a model in committed recordings."""
    return model_identity(model) if model.startswith("local:") else model
