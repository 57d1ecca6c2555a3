"""Retries: exponential backoff with full jitter; what still fails is a missing answer."""

from __future__ import annotations

import asyncio
import random

from pytest_lmopt.errors import MissingAnswerError, TransientError
from pytest_lmopt.lm.seam import LM, Completion, Request

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0


class Retrying:
    """Asks again after a ``TransientError``, at most ``attempts`` times in all.

    Waits a random time up to ``first_wait`` · 2^k seconds (full jitter), or what the provider
    asked for if that is longer. Then raises ``MissingAnswerError``.
    """

    def __init__(
        self, lm: LM, *, attempts: int = ATTEMPTS, first_wait: float = FIRST_WAIT_SECONDS
    ) -> None:
        self._lm = lm
        self._attempts = attempts
        self._first_wait = first_wait

    async def complete(self, request: Request) -> Completion:
        """Answer, or raise ``MissingAnswerError`` when the attempts are used up."""
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._lm.complete(request)
            except TransientError as error:
                if attempt == self._attempts:
                    raise MissingAnswerError(
                        f"no answer after {attempt} attempts; the last: {error}", request=request
                    ) from error
                reach = min(LONGEST_WAIT_SECONDS, self._first_wait * 2 ** (attempt - 1))
                # jitter only spreads load: it decides no score, so it needs no seed
                wait = random.uniform(0.0, reach)
                await asyncio.sleep(min(LONGEST_WAIT_SECONDS, max(wait, error.retry_after or 0.0)))
        raise AssertionError("unreachable: the last attempt returns or raises")
