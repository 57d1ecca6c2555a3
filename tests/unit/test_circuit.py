"""A model that can't be used is asked once."""

from __future__ import annotations

import asyncio

import pytest

from pytest_lmopt import Budget
from pytest_lmopt.errors import ModelError, RefusedError
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import LM, FunctionLM
from pytest_lmopt.lm.stack import Traffic, suite_lm
from pytest_lmopt.wire import Message, Request


class Provider:
    """Refuses the key of the model ``openai/locked``; answers for others."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, request: Request) -> str:
        """The answer, or the error."""
        self.asked.append(request.model)
        if request.model == "openai/locked":
            raise ModelError("wrong key", model=request.model)
        if request.messages[0].content == "rude":
            raise RefusedError("no", request=request)
        return "x"


def lm_of(provider: Provider, traffic: Traffic, budget: Budget | None = None) -> tuple[LM, Ledger]:
    """A suite's LM, and its ledger."""
    ledger = Ledger([Account(budget or Budget(), owner="suite")])
    lm = suite_lm(
        FunctionLM(provider.answer), ledger=ledger, store=None, mode="off", traffic=traffic
    )
    return lm, ledger


def ask(lm: LM, model: str, text: str = "q") -> str:
    """One question."""
    request = Request(model=model, messages=(Message("user", text),))
    return asyncio.run(lm.complete(request)).text


def test_every_later_call_fails_alike_without_being_made_or_paid() -> None:
    """In any suite of the process."""
    provider, traffic = Provider(), Traffic()
    for _ in range(2):
        lm, ledger = lm_of(provider, traffic)
        for _ in range(3):
            with pytest.raises(ModelError, match="wrong key") as caught:
                ask(lm, "openai/locked")
            assert caught.value.model == "openai/locked"
    assert provider.asked == ["openai/locked"]
    assert ledger.calls == 0


def test_other_models_are_asked_as_ever() -> None:
    """Also after a refusal, which is about one request."""
    provider = Provider()
    lm, _ = lm_of(provider, Traffic())
    with pytest.raises(ModelError):
        ask(lm, "openai/locked")
    with pytest.raises(RefusedError):
        ask(lm, "openai/open", "rude")
    assert ask(lm, "openai/open") == "x"


def test_a_suite_that_can_not_pay_for_a_model_leaves_it_to_those_that_can() -> None:
    """A model without a price breaks a dollar budget, not itself."""
    provider, traffic = Provider(), Traffic()
    with pytest.raises(ModelError, match="has no price"):
        ask(lm_of(provider, traffic, Budget(usd=1.0))[0], "openai/of-no-known-price")
    assert ask(lm_of(provider, traffic)[0], "openai/of-no-known-price") == "x"
