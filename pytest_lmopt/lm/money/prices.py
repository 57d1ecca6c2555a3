"""What a call costs: by litellm's table, or by prices of the user's that win over it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_lmopt.lm.money.price_table import table_price
from pytest_lmopt.wire import OFFERED, is_local, is_on_this_machine


@dataclass(frozen=True, kw_only=True)
class Price:
    """Dollars per million tokens, in and out."""

    input: float
    output: float


MOST_MICRO_USD = 10**16
"""Ten thousand million dollars: a price above that, as one below 0, is not a price."""

_given: Mapping[str, Price] = {}


def give_prices(prices: Mapping[str, Price]) -> None:
    """Let these prices win over litellm's table, in place of those given before."""
    global _given  # noqa: PLW0603 - as litellm's own table, one for the process
    _given = dict(prices)


def price(
    model: str, input_tokens: int, output_tokens: int, *, cached: int = 0, written: int = 0
) -> int | None:
    """Price in micro-dollars, rounded up: as given, else by litellm's table; None if in neither,
    or if it is not a price there.

    The local model is free. The table is the released one: no prompt, call or pipeline changes it.
    ``cached`` and ``written`` are the parts of the input read from and written to the provider's
    cache; a given price makes no difference between them and the rest.
    """
    given = given_price(model, input_tokens, output_tokens)
    if given is not None:
        return given
    dollars = table_price(model, input_tokens, output_tokens, cached=cached, written=written)
    return None if dollars is None else _rounded(dollars * 1_000_000)


def given_price(model: str, input_tokens: int, output_tokens: int) -> int | None:
    """Price in micro-dollars as given, rounded up; None for a model that no given price names.

    The local model is free, and so are servers on this machine that no given price names. The name
    of the hook stands for the LM that it offers, whatever its code.
    """
    if is_local(model):
        return 0
    name = OFFERED if model.startswith(f"{OFFERED}/") else model
    price = _given.get(model) or _given.get(name)
    if price is None:
        return 0 if is_on_this_machine(model) else None
    # dollars per million tokens are micro-dollars per token
    return _rounded(input_tokens * price.input + output_tokens * price.output)


def _rounded(micro_usd: float) -> int | None:
    return math.ceil(micro_usd) if 0.0 <= micro_usd <= MOST_MICRO_USD else None


def is_given(model: str) -> bool:
    """Whether a given price names the model."""
    return model in _given


def parse_price(line: str) -> tuple[str, Price]:
    """Model and price of a line ``MODEL INPUT OUTPUT``, dollars per million tokens.

    Raises ``ValueError`` saying what is wrong with it.
    """
    parts = line.split()
    try:
        model, asked, told = parts[0], float(parts[1]), float(parts[2])
        if len(parts) != 3 or not (0.0 <= asked < 1e9 and 0.0 <= told < 1e9):
            raise ValueError
    except (ValueError, IndexError):
        raise ValueError(
            f"MODEL INPUT OUTPUT expected, dollars per million tokens, found {line!r}"
        ) from None
    return model, Price(input=asked, output=told)
