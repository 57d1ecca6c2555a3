"""A model whose calls are paid for before they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import BudgetExhaustedError, ModelError
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.lm.money.prices import given_price, price
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.lm.money.usage import Bound, believed, bound_of
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.waiting import is_patient
from pytest_lmopt.wire import OFFERED, Completion, Request

POLL_SECONDS = 0.02
"""How often a call looks whether others have left it enough."""


class Metered:
    """Pays for every attempt before it is made.

    A call that fails keeps its reservation: the provider may have billed it. One that only what
    the ledger's other calls have reserved stands in the way of waits for them: most cost far less.
    """

    def __init__(self, lm: LM, ledger: Ledger, clock: Clock = SYSTEM) -> None:
        self._lm = lm
        self._clock = clock
        self._ledger = ledger

    async def complete(self, request: Request) -> Completion:
        """Answer within the budget, or raise ``BudgetExhaustedError`` without asking."""
        bound = bound_of(request)
        charge = self._amount(request, bound)
        number = await self._reserved(
            charge, lambda: self._amount(request, bound._replace(output=1))
        )
        try:
            completion = await self._lm.complete(request)
        except BaseException:
            self._ledger.lose(number)
            raise
        completion = self._priced(request, believed(request, completion))
        self._ledger.settle(number, completion.usage)
        if completion.usage_remark is not None:
            self._ledger.remark(request.model, completion.usage_remark)
        return completion

    def _priced(self, request: Request, completion: Completion) -> Completion:
        """Price a call whose LM, one of the user's own, reports no price.

        The given price counts; under a dollar limit litellm's table does, too.
        """
        usage = completion.usage
        find = price if self._ledger.limits_dollars else given_price
        micro_usd = usage.micro_usd or find(request.model, usage.input_tokens, usage.output_tokens)
        if micro_usd is None:
            return completion
        return replace(completion, usage=replace(usage, micro_usd=micro_usd))

    async def _reserved(self, charge: Amount, least: Callable[[], Amount]) -> int:
        while True:
            ended = self._ledger.ended
            try:
                return await self._ledger.areserve(charge, least)
            except BudgetExhaustedError as error:
                # others may have ended since it was refused
                is_freed = self._ledger.under_way or self._ledger.ended != ended
                if not (is_freed and error.limit in ("tokens", "usd") and is_patient()):
                    raise
            await self._clock.sleep(POLL_SECONDS)

    def _amount(self, request: Request, bound: Bound) -> Amount:
        priced: int | None = 0
        if self._ledger.limits_dollars:
            priced = price(request.model, *bound)
            unpriced = request.limits.unpriced if request.limits is not None else ()
            if unpriced:
                raise ModelError(
                    f"a dollar budget can't be kept: {', '.join(unpriced)} of {request.model!r} "
                    "has a price of its own. Leave it out, or limit calls or tokens",
                    model=request.model,
                )
        if priced is None:
            raise ModelError(
                f"model {_named(request.model)!r} has no price in litellm's table, so a dollar "
                "budget can't be kept; give it one in the ini value lm_prices, or limit calls or "
                "tokens",
                model=request.model,
            )
        return Amount(tokens=sum(bound), micro_usd=priced)


def _named(model: str) -> str:
    """The name that a price is given to: the hook's stands for any LM that it offers."""
    return OFFERED if model.startswith(f"{OFFERED}/") else model
