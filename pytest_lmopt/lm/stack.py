"""Assembling the LM: provider, inside metering, inside retries, inside recordings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from pytest_lmopt.lm.ledger import Ledger, Metered
from pytest_lmopt.lm.local import LocalModel, production_folder
from pytest_lmopt.lm.providers import LiteLLM, is_local
from pytest_lmopt.lm.recording_store import RecordingStore
from pytest_lmopt.lm.recordings import CacheMode, Recorded
from pytest_lmopt.lm.retries import Retrying
from pytest_lmopt.lm.seam import LM, Completion, Request


class Provider:
    """Sends local models' requests to llama.cpp and all others through litellm."""

    def __init__(self, local: LocalModel) -> None:
        self._local = local
        self._remote = LiteLLM()

    async def complete(self, request: Request) -> Completion:
        """One attempt at whichever provider the model string names."""
        lm: LM = self._local if is_local(request.model) else self._remote
        return await lm.complete(request)


def suite_lm(
    provider: LM,
    *,
    ledger: Ledger,
    store: RecordingStore | None,
    mode: CacheMode,
    committed: Mapping[str, Completion] | None = None,
    since: float | None = None,
) -> LM:
    """The LM a suite's prompts call: recorded, retried, and every attempt paid for.

    ``committed`` and ``since`` are as in ``Recorded``.
    """
    lm: LM = Retrying(Metered(provider, ledger))
    if store is None or mode == "off":
        return lm
    return Recorded(lm, store, mode=mode, committed=committed, since=since)


@lru_cache(maxsize=1)
def production_lm() -> LM:
    """The LM of prompts called outside any suite: retried, neither limited nor recorded."""
    return Retrying(
        Provider(LocalModel(folder=lru_cache(production_folder), owner_pid=os.getpid()))
    )
