"""Retries: exponential backoff with full jitter; what still fails is a missing answer.

A rate limit is tried more often than a fault: it passes by itself.
"""

from __future__ import annotations

import random

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import MissingAnswerError, TransientError
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.wire import Completion, Request

ATTEMPTS = 4
RATE_LIMIT_ATTEMPTS = 8
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 60.0
"""What a provider may ask for; limits are mostly counted by the minute."""
_chance = random.Random()
"""Not the global one: users seed that, often alike in all workers, and count on its order."""


class Retrying:
    """Asks again after a ``TransientError``.

    ``attempts`` bounds the faults, the last one included, and ``rate_limit_attempts`` the rate
    limits. Waits a random time up to ``first_wait`` · 2^k seconds (full jitter), on top of what the
    provider asked for. Then raises ``MissingAnswerError``.
    """

    def __init__(
        self,
        lm: LM,
        *,
        attempts: int | None = None,
        rate_limit_attempts: int | None = None,
        first_wait: float | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self._lm = lm
        self._clock = clock
        self._attempts = ATTEMPTS if attempts is None else attempts
        self._rate_limit_attempts = (
            RATE_LIMIT_ATTEMPTS if rate_limit_attempts is None else rate_limit_attempts
        )
        self._first_wait = FIRST_WAIT_SECONDS if first_wait is None else first_wait

    async def complete(self, request: Request) -> Completion:
        """Answer, or raise ``MissingAnswerError`` when the attempts are used up."""
        faults = refusals = 0
        while True:
            try:
                return await self._lm.complete(request)
            except TransientError as error:
                # who asks for more than the longest pause will refuse again after it
                soon = (error.retry_after or 0.0) <= LONGEST_PAUSE_SECONDS
                refusals += error.rate_limited and soon
                faults += not (error.rate_limited and soon)
                tried = faults + refusals
                if faults >= self._attempts or refusals >= self._rate_limit_attempts:
                    raise MissingAnswerError(
                        f"no answer after {tried} attempts; the last: {error}",
                        request=request,
                        answer=error.answer,
                    ) from error
                wait = self._wait(tried, error)
            await self._clock.sleep(wait)

    def _wait(self, tried: int, error: TransientError) -> float:
        # jitter only spreads load: it decides no score, so it needs no seed
        reach = min(LONGEST_WAIT_SECONDS, self._first_wait * 2 ** (tried - 1))
        asked_for = min(LONGEST_PAUSE_SECONDS, error.retry_after or 0.0)
        return asked_for + _chance.uniform(0.0, reach)
