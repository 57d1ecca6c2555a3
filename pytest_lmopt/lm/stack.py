"""Assembling the LM: provider, inside metering, gates and retries, inside recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.lm.engine.engine import Engine, EngineName
from pytest_lmopt.lm.faults.circuit import Circuit, Guarded, Noting
from pytest_lmopt.lm.faults.concurrency import CALLS_AT_ONCE, Gated, Gates
from pytest_lmopt.lm.faults.retries import Retrying
from pytest_lmopt.lm.local.model import LocalModel, production_folder
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.lm.money.metered import Metered
from pytest_lmopt.lm.offered import Offered
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.providers import TIMEOUT_SECONDS, LiteLLM, within
from pytest_lmopt.lm.recordings.protocol import Store
from pytest_lmopt.lm.recordings.recorded import CacheMode, Recorded
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.tracing import our_own
from pytest_lmopt.safe_text import hide_carried, through
from pytest_lmopt.wire import Completion, Request, WholeCompletion, is_local


class Provider:
    """Sends requests to the LM ``offered``, else to llama.cpp, our engine or litellm.

    llama.cpp answers for local models. ``engine`` litellm sends all else through that. A request
    that asks by itself does so. An answer takes ``timeout`` seconds at most.
    """

    def __init__(
        self,
        local: LocalModel,
        *,
        offered: LM | None = None,
        engine: EngineName = "auto",
        timeout: float = TIMEOUT_SECONDS,
        clock: Clock = SYSTEM,
    ) -> None:
        self._clock = clock
        self._local = local
        self._offered = None if offered is None else Offered(offered)
        litellm = LiteLLM(timeout=timeout, clock=clock)
        self._remote: LM = litellm
        if engine == "auto":
            self._remote = Engine(litellm, timeout=timeout, clock=clock)
        self._timeout = timeout

    async def complete(self, request: Request) -> Completion:
        """One attempt at whichever provider the model string names; its answer says how long."""
        started = self._clock.monotonic()
        with our_own():
            completion = await self._ask(request)
        taken = round((self._clock.monotonic() - started) * 1000)
        return replace(completion, usage=replace(completion.usage, milliseconds=taken))

    async def _ask(self, request: Request) -> Completion:
        if request.ask is not None:  # its client's own time-out holds
            return await request.ask()
        if self._offered is not None:
            async with within(self._timeout, request, self._clock):
                return await self._offered.complete(request)
        lm: LM = self._local if is_local(request.model) else self._remote
        return await lm.complete(request)


class Hiding:
    """Hides the keys that requests carry in the answers: these are recorded and shown."""

    def __init__(self, lm: LM) -> None:
        self._lm = lm

    async def complete(self, request: Request) -> Completion:
        """The answer, without a key that it quotes."""
        completion = await self._lm.complete(request)
        text = hide_carried(completion.text)
        if isinstance(completion, WholeCompletion):
            return replace(completion, text=text, whole=through(completion.whole, hide_carried))
        return completion if text == completion.text else replace(completion, text=text)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What all suites of a process share on the way to their models."""

    gates: Gates = field(default_factory=lambda: Gates(CALLS_AT_ONCE))
    circuit: Circuit = field(default_factory=Circuit)


def suite_lm(
    provider: LM,
    *,
    ledger: Ledger,
    store: Store | None,
    mode: CacheMode,
    traffic: Traffic | None = None,
    committed: Mapping[str, Completion] | None = None,
    since: float | None = None,
    clock: Clock = SYSTEM,
) -> LM:
    """The LM a suite's prompts call: recorded, retried, and every attempt paid for.

    An attempt reserves its price only when its provider's gate and the circuit have let it pass;
    without ``traffic`` these are its own. ``committed`` and ``since`` are as in ``Recorded``.
    """
    traffic = traffic or Traffic(gates=Gates(CALLS_AT_ONCE, clock=clock))
    metered = Metered(Noting(Hiding(provider), traffic.circuit), ledger, clock)
    lm: LM = Retrying(Gated(Guarded(metered, traffic.circuit), traffic.gates), clock=clock)
    if store is None or mode == "off":
        return lm
    return Recorded(lm, store, mode=mode, committed=committed, since=since, clock=clock)


@lru_cache(maxsize=1)
def production_lm() -> LM:
    """The LM of prompts called outside any suite: retried, neither limited nor recorded."""
    return Retrying(Provider(LocalModel(folder=lru_cache(production_folder), owner=own_token())))
