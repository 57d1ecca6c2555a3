"""Prices of models that litellm's table lacks, or has wrong for this user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_lmopt.lm.litellm_loading import load_litellm


@dataclass(frozen=True, kw_only=True)
class Price:
    """Dollars per million tokens, in and out."""

    input: float
    output: float


def register_prices(prices: Mapping[str, Price]) -> None:
    """Let these prices win over litellm's table, for the rest of the process."""
    load_litellm().register_model(
        {
            model: {
                "input_cost_per_token": price.input / 1e6,
                "output_cost_per_token": price.output / 1e6,
                # no discount for what a provider may have cached: a budget needs an upper price
                "cache_creation_input_token_cost": price.input / 1e6,
                "cache_read_input_token_cost": price.input / 1e6,
                "litellm_provider": model.partition("/")[0],
                "mode": "chat",
            }
            for model, price in prices.items()
        }
    )


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
