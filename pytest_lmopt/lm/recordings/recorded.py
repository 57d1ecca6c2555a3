"""Recordings: every answer kept under its request's key, so that none is paid for twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import CallerLeftError, RefusedError, UnrecordedError
from pytest_lmopt.errors.running import CLOSEST
from pytest_lmopt.lm.local.model import model_identity
from pytest_lmopt.lm.recordings.closest import difference
from pytest_lmopt.lm.recordings.files import Records
from pytest_lmopt.lm.recordings.flights import Flights
from pytest_lmopt.lm.recordings.protocol import Store
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.waiting import is_patient
from pytest_lmopt.safe_text import hide_carried, through
from pytest_lmopt.wire import Completion, Refusal, Request, Usage

CacheMode = Literal["auto", "replay", "refresh", "off"]

LOOK_AGAIN_SECONDS = 0.05
"""How often to look whether another process has its answer."""

EXPLAINED = 3
"""Misses that are compared with what is recorded: mostly all have one cause."""


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
        self._flights = Flights()
        self._misses = 0

    async def complete(self, request: Request) -> Completion:
        """A recorded or new answer; in ``replay`` mode an unknown request is missing."""
        if not request.recordable:
            return await self._lm.complete(request)
        key = request.key
        while True:
            flight = self._flights.joined(key) if is_patient() else None
            begun = False
            if flight is None:
                recorded = self.recorded(request)
                if recorded is not None:
                    return recorded
                flight, begun = self._flights.begun(
                    key, partial(self._ask, request, key), join=is_patient()
                )
            try:
                completion = await self._flights.landing(key, flight)
            except CallerLeftError:
                if begun:
                    raise
                continue  # this caller's client sends it, then
            if begun:
                return completion
            return replace(completion, usage=completion.usage.as_replayed)

    def recorded(self, request: Request) -> Completion | None:
        """Return the recorded answer, or None where a model is to be asked.

        Raises ``UnrecordedError`` and ``RefusedError`` where it is not.
        """
        if not request.recordable:
            return None
        recorded = self._store.get(request.key, since=self._since)
        if (recorded is None or isinstance(recorded, Refusal)) and self._mode != "refresh":
            recorded = self._committed.get(portable_key(request), recorded)
        if isinstance(recorded, Refusal):
            if self._mode == "replay":
                raise RefusedError(recorded.problem, request=request, answer=recorded.whole)
        elif recorded is not None:
            return recorded
        if self._mode == "replay":
            raise self._unrecorded(request)
        return None

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
