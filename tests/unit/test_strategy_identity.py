"""A killed search goes on with the same strategy, known by its class and parameters."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from pytest_lmopt.errors import StrategyError
from pytest_lmopt.strategies.auto import Auto
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings, Strategy
from pytest_lmopt.strategies.search import identity


class Plain:
    """A strategy with the usual repr, and a lock."""

    def __init__(self, size: int) -> None:
        self.size, self.lock = size, threading.Lock()

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """Propose nothing."""
        return ()


class Silent(Plain):
    """A strategy whose repr hides its parameter."""

    def __repr__(self) -> str:
        return "Silent()"


class Loud(Plain):
    """A strategy whose repr is never the same."""

    def __repr__(self) -> str:
        return f"Loud({id(object())})"


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (Plain(1), Plain(1), Plain(2)),
        (Silent(1), Silent(1), Silent(2)),
        (Loud(1), Loud(1), Loud(2)),
        (Auto(Settings(seed=1)), Auto(Settings(seed=1)), Auto(Settings(seed=1), rounds=3)),
        (Plain(1), Plain(1), Silent(1)),
    ],
    ids=["plain", "silent", "loud", "ours", "class"],
)
def test_strategies_are_known_by_class_and_parameters(
    one: Strategy, same: Strategy, other: Strategy
) -> None:
    """Whatever their ``repr`` says."""
    assert identity(one) == identity(same) != identity(other)


def test_a_strategy_without_content_is_refused_unless_it_names_itself() -> None:
    """The message says how."""

    class Named(Plain):
        lmopt_identity = ""

    with pytest.raises(StrategyError, match=r"strategy Named can't be identified.*lmopt_identity"):
        identity(Named(1))
    Named.lmopt_identity = "named 1"
    assert identity(Named(1)) == identity(Named(2))
