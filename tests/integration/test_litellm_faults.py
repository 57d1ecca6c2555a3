"""litellm's calls where something goes wrong: budgets, retries, refusals, fallbacks, replays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from doubles.openai_server import Fault, OpenAIServer
from litellm import completion
from litellm.exceptions import APIError, BadRequestError, InternalServerError, PermissionDeniedError
from litellm.router import Router
from projects.litellm_runs import (
    MODEL,
    NAMED,
    WORDS,
    Session,
    awaited,
    awaited_stream,
    by_name,
    messages,
    streamed,
    text_of,
)

from pytest_lmopt import Budget
from pytest_lmopt.errors import BudgetExhaustedError
from pytest_lmopt.lm.dialects import providers
from pytest_lmopt.lm.money.prices import Price, give_prices
from pytest_lmopt.runs.run import Ending


@pytest.mark.parametrize("pipeline", [by_name, awaited, streamed])
@pytest.mark.parametrize("hides", [False, True])
def test_the_budget_holds(
    session: Session, server: OpenAIServer, pipeline: Callable[[str], Any], hides: bool
) -> None:
    """The server never sees one call more, even if the pipeline goes on past the error."""

    asking = pipeline

    def hiding(word: str) -> None:
        with suppress(Exception):
            asking(word)

    async def ahiding(word: str) -> None:
        with suppress(Exception):
            await asking(word)

    if hides:
        pipeline = ahiding if pipeline is awaited else hiding
    with pytest.raises(BudgetExhaustedError):
        session.run(pipeline, budget=Budget(calls=5))

    # those in flight are given up with the block, before or after the server has seen them
    assert session.ledger.calls == 5
    assert server.calls <= 5


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, server: OpenAIServer) -> OpenAIServer:
    """A server that is taken for OpenAI's own."""
    monkeypatch.setitem(providers._HOSTS, "127.0.0.1", "openai")
    return server


def test_a_call_without_max_tokens_reserves_the_models_largest_output(
    session: Session, known: OpenAIServer
) -> None:
    """Until its usage is known; ``max_tokens`` is not sent."""

    def pipeline(word: str) -> None:
        completion(model="openai/gpt-4o-mini", messages=messages(word))

    with pytest.raises(BudgetExhaustedError, match="up to 16,4"):
        session.run(pipeline, budget=Budget(tokens=16_000))
    assert known.calls == 0

    session.run(pipeline, budget=Budget(tokens=17_000), words=["one", "two"])
    assert known.calls == 2
    assert "max_tokens" not in known.requests[0]


def test_a_dollar_budget_holds(session: Session, known: OpenAIServer) -> None:
    """Reserved by litellm's price table, settled with the price of what was used."""

    def pipeline(word: str) -> None:
        completion(model="openai/gpt-4o-mini", messages=messages(word), max_tokens=50)

    (run,) = session.run(pipeline, budget=Budget(usd=0.00005), words=["one"])
    (call,) = run.trace
    assert call.prompt == "openai.chat:openai/gpt-4o-mini"
    assert call.usage.micro_usd == 1
    assert known.calls == 1
    with pytest.raises(BudgetExhaustedError):
        session.run(pipeline, budget=Budget(usd=0.00003), words=["two"])
    assert known.calls == 1


def test_models_of_this_machine_cost_what_the_users_prices_say(
    session: Session, server: OpenAIServer
) -> None:
    """Without a price they are free."""

    def pipeline(word: str) -> None:
        completion(model=MODEL, messages=messages(word), max_tokens=50)

    session.run(pipeline, budget=Budget(usd=0.000001), words=["one"])
    give_prices({NAMED: Price(input=1.0, output=2.0)})
    try:
        with pytest.raises(BudgetExhaustedError):
            session.run(pipeline, budget=Budget(usd=0.000001), words=["two"])
        (run,) = session.run(pipeline, budget=Budget(usd=0.001), words=["two"])
    finally:
        give_prices({})
    assert run.trace[0].usage.micro_usd == 2 * 1 + 1 * 2
    assert server.calls == 2


@pytest.mark.parametrize("pipeline", [by_name, awaited_stream])
def test_a_rate_limit_that_passes_costs_only_time(
    session: Session, server: OpenAIServer, pipeline: Callable[[str], Any]
) -> None:
    """Each attempt counts."""
    server.fault = lambda call: Fault(status=429) if call == 2 else None

    runs = session.run(pipeline, words=WORDS[:3])

    assert [run.prediction for run in runs] == ["WORD 0", "WORD 1", "WORD 2"]
    assert session.ledger.calls == server.calls == 4


def test_retries_of_litellms_own_are_paid_for(session: Session, server: OpenAIServer) -> None:
    """Each passes ours and the budget like any call."""
    parameters = {"model": MODEL, "max_retries": 5}
    deployment = {"model_name": "mine", "litellm_params": parameters}
    router = Router([deployment], num_retries=1)
    server.fault = lambda _: Fault(status=500)

    with pytest.raises(BudgetExhaustedError):
        session.run(
            lambda word: router.completion("mine", messages(word)),
            words=["one"],
            budget=Budget(calls=6),
        )

    assert session.ledger.calls == server.calls == 6


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_refusal_reaches_the_pipeline_as_litellms_own_error(
    session: Session, server: OpenAIServer, asynchronous: bool
) -> None:
    """What handles it in production handles it here; it is not asked again."""
    server.fault = lambda _: Fault(status=400)

    def careful(word: str) -> str:
        try:
            return by_name(word)
        except BadRequestError:
            return "handled"

    async def acareful(word: str) -> str:
        try:
            return await awaited(word)
        except BadRequestError:
            return "handled"

    (run,) = session.run(acareful if asynchronous else careful, words=["one"])

    assert run.prediction == "handled"
    assert "BadRequestError" in (run.trace[0].error or "")
    assert server.calls == 1


def test_a_call_that_litellm_can_not_make_fails_as_ever(
    session: Session, server: OpenAIServer
) -> None:
    """A mistake in the pipeline is its own, and no reason to ask again."""

    def pipeline(word: str) -> Any:
        return completion(model=MODEL, messages=[word])

    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever litellm makes of it
        pipeline("one")
    (run,) = session.run(pipeline, words=["one"])

    assert run.ending is Ending.WRONG
    assert run.problem == f"{type(caught.value).__name__}: {caught.value}"


def test_a_missing_answer_can_not_be_hidden(session: Session, server: OpenAIServer) -> None:
    """The pipeline gets litellm's error and may catch it; its example stays without a score."""
    server.fault = lambda _: Fault(status=500)
    seen: list[Exception] = []

    def careful(word: str) -> str:
        try:
            return by_name(word)
        except InternalServerError as error:
            seen.append(error)
            return word.upper()

    (run,) = session.run(careful, words=["one"])

    assert (run.ending, run.prediction) == (Ending.MISSING, None)
    assert run.problem.startswith("no answer after 4 attempts")
    assert len(seen) == 1
    assert session.ledger.calls == server.calls == 4


def test_replay_without_a_recording_names_the_call(session: Session, server: OpenAIServer) -> None:
    """The pipeline sees that the provider refuses; its run knows why."""
    caught: list[BaseException] = []

    def pipeline(word: str) -> None:
        try:
            by_name(word)
        except (PermissionDeniedError, APIError) as error:
            caught.append(error)

    (run,) = session.run(pipeline, words=["one"], mode="replay")

    assert run.ending is Ending.MISSING
    missing = f"not recorded (--lm-cache=replay): {NAMED}, 'one'"
    assert missing in run.problem
    assert missing in str(caught[0])
    assert server.calls == 0


@pytest.mark.parametrize(("status", "attempts"), [(400, 1), (500, 4), (401, 1)])
def test_fallbacks_are_paid_for_like_any_call(
    session: Session, server: OpenAIServer, status: int, attempts: int
) -> None:
    """Another model answers where the first refuses, gives no answer or can't be used."""

    def pipeline(word: str) -> str:
        others = [{"model": "openai/other", "temperature": 0}]
        return text_of(completion(model=MODEL, messages=messages(word), fallbacks=others))

    def fault(call: int) -> Fault | None:
        is_other = server.requests[call - 1]["model"] == "other"
        return None if is_other else Fault(status=status)

    server.fault = fault
    (run,) = session.run(pipeline, words=["one"], budget=Budget(calls=attempts + 1))
    assert (run.ending, run.prediction) == (Ending.RETURNED, "ONE")
    asked = [body["model"] for body in server.requests]
    assert asked == ["shouting"] * attempts + ["other"]

    if status != 401:
        with pytest.raises(BudgetExhaustedError):
            session.run(pipeline, words=["two"], budget=Budget(calls=attempts))
        assert session.ledger.calls == attempts
