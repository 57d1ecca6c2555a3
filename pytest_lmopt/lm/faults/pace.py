"""How fast a provider may be asked: more while it answers, half when it says too many."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_lmopt.errors import TransientError
from pytest_lmopt.lm.faults.retries import LONGEST_PAUSE_SECONDS, LONGEST_WAIT_SECONDS

FIRST_REST_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Up to ``limit`` calls at once, and none before ``closed_until`` (``Clock.now``).

    ``limit`` is at most ``most``; a rate limit halves it, down to 1, once for all calls that were
    under way together (those that began after the same number of ``cuts``); each answer raises it
    by a part, so that a round of answers adds 1. Where one at a time is still too much, there is a
    ``rest`` in seconds, twice as long each time. There is also one as long as the provider asks.
    """

    most: int
    limit: float
    cuts: int = 0
    rest: float = 0.0
    closed_until: float = 0.0

    def answered(self) -> Pace:
        """The pace after a call that went well."""
        if self.limit == self.most and not self.rest:
            return self
        return replace(self, limit=min(self.most, self.limit + 1.0 / self.limit), rest=0.0)

    def failed(self, error: TransientError, *, cuts: int, now: float) -> Pace:
        """Give the pace after the failure, ``now``, of a call that began after ``cuts`` cuts."""
        limit, rest, cuts_now = self.limit, self.rest, self.cuts
        pause = min(LONGEST_PAUSE_SECONDS, error.retry_after or 0.0)
        if error.rate_limited and cuts == cuts_now:
            if limit == 1.0:
                rest = min(LONGEST_WAIT_SECONDS, max(FIRST_REST_SECONDS, 2 * rest))
                pause = max(pause, rest)
            limit = max(1.0, limit / 2)
            cuts_now += 1
        closed_until = max(self.closed_until, now + pause)
        return replace(self, limit=limit, cuts=cuts_now, rest=rest, closed_until=closed_until)
