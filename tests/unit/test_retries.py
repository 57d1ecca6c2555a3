"""What may pass is tried again; what still fails is a missing answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from doubles.jumping_clock import JumpingClock

from pytest_lmopt.errors import LmoptError, MissingAnswerError, RefusedError, TransientError
from pytest_lmopt.lm.faults.retries import Retrying
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.wire import Message, Request

ASKED = Request(model="m", messages=(Message("user", "q"),))


class Failing:
    """Fails the first ``times`` calls with ``error``, then answers."""

    def __init__(self, times: int, error: Callable[[int], LmoptError]) -> None:
        self.calls = 0
        self._times = times
        self._error = error

    def answer(self, _: Request) -> str:
        """The answer, or the error of this call."""
        self.calls += 1
        if self.calls <= self._times:
            raise self._error(self.calls)
        return f"answer {self.calls}"


def busy(number: int) -> TransientError:
    """A rate limit, numbered by the call that met it."""
    return TransientError(f"busy {number}", request=ASKED)


def ask(
    model: Failing,
    *,
    attempts: int = 4,
    first_wait: float = 0.0,
    clock: JumpingClock | None = None,
) -> str:
    """The answer that retrying gets."""
    lm = Retrying(
        FunctionLM(model.answer),
        attempts=attempts,
        first_wait=first_wait,
        clock=clock or JumpingClock(),
    )
    return asyncio.run(lm.complete(ASKED)).text


def test_an_answer_needs_no_second_try() -> None:
    """A model that answers is asked once."""
    model = Failing(0, busy)

    assert ask(model) == "answer 1"
    assert model.calls == 1


def test_a_transient_error_is_tried_again() -> None:
    """The first answer after failures is the answer."""
    model = Failing(3, busy)

    assert ask(model) == "answer 4"


def test_after_the_last_attempt_the_answer_is_missing() -> None:
    """The message says how often was asked, and what came last; the request is attached."""
    model = Failing(99, busy)

    with pytest.raises(
        MissingAnswerError, match="no answer after 4 attempts; the last: busy 4"
    ) as (caught):
        ask(model)

    assert model.calls == 4
    assert caught.value.request == ASKED
    assert isinstance(caught.value.__cause__, TransientError)


def test_a_refusal_is_not_tried_again() -> None:
    """What the provider will never answer costs one attempt."""
    model = Failing(99, lambda _: RefusedError("too long", request=ASKED))

    with pytest.raises(RefusedError, match="too long"):
        ask(model)

    assert model.calls == 1


def test_the_providers_wish_to_wait_is_obeyed() -> None:
    """A Retry-After longer than the backoff is waited for."""
    model = Failing(1, lambda _: TransientError("busy", request=ASKED, retry_after=0.2))

    clock = JumpingClock()
    ask(model, first_wait=0.001, clock=clock)

    assert 0.2 <= sum(clock.waits) <= 0.201


def test_waits_are_bounded_by_doubling() -> None:
    """The k-th wait is random below first_wait · 2^(k−1), and never above half a minute."""
    clock = JumpingClock()
    ask(Failing(9, busy), attempts=10, first_wait=1.0, clock=clock)

    assert len(clock.waits) == 9
    assert all(0.0 <= wait <= min(30.0, 2.0**k) for k, wait in enumerate(clock.waits))
    assert len(set(clock.waits)) == 9


def test_an_endless_retry_after_is_cut_short() -> None:
    """A provider that asks for an hour does not stop the suite for one."""
    clock = JumpingClock()
    ask(Failing(1, lambda _: TransientError("busy", request=ASKED, retry_after=3600)), clock=clock)

    assert clock.waits == [60.0]


def test_rate_limits_are_tried_more_often_than_faults() -> None:
    """They pass by themselves; but faults in between are counted on their own."""

    def refused(number: int) -> TransientError:
        return TransientError(f"{number}", request=ASKED, rate_limited=number != 3)

    assert ask(Failing(7, refused)) == "answer 8"
    with pytest.raises(MissingAnswerError, match="no answer after 9 attempts; the last: 9"):
        ask(Failing(99, refused))


def test_a_rate_limit_without_end_is_a_fault() -> None:
    """A quota that comes back tomorrow is not worth eight minutes of waiting."""
    tomorrow = TransientError("spent", request=ASKED, rate_limited=True, retry_after=80_000.0)
    with pytest.raises(MissingAnswerError, match="no answer after 4 attempts; the last: spent"):
        ask(Failing(99, lambda _: tomorrow))


def test_waits_are_jittered_on_top_of_the_providers_wish() -> None:
    """Those who were refused together must not come back together."""
    clock = JumpingClock()
    wish = TransientError("busy", request=ASKED, retry_after=5.0)
    ask(Failing(9, lambda _: wish), attempts=10, first_wait=1.0, clock=clock)

    assert all(5.0 <= wait <= 5.0 + min(30.0, 2.0**k) for k, wait in enumerate(clock.waits))
    assert len(set(clock.waits)) == 9
