"""The strategies by name: ours, those of the user's own code, those of other packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_lmopt.strategies.protocol import Settings, Strategy, StrategyFactory

GROUP = "pytest_lmopt.strategies"
"""The entry-point group; an entry's name is the strategy's, its object a ``StrategyFactory``."""

OLD_GROUP = "pytest_lmopt.optimizers"
"""The group's former name, still read."""

STRATEGIES: Mapping[str, str] = {
    "auto": "pytest_lmopt.strategies.auto:Auto",
    "baseline": "pytest_lmopt.strategies.baseline:Baseline",
    "bootstrap": "pytest_lmopt.strategies.bootstrap:Bootstrap",
    "coordinate": "pytest_lmopt.strategies.coordinate:Coordinate",
    "labeled": "pytest_lmopt.strategies.labeled:Labeled",
    "mipro": "pytest_lmopt.strategies.mipro:Mipro",
    "opro": "pytest_lmopt.strategies.opro:Opro",
    "rationale": "pytest_lmopt.strategies.rationale:Rationale",
    "reflect": "pytest_lmopt.strategies.reflect:Reflect",
}
"""Our own strategies by the name users give, each as an entry point would name it."""


def known(offered: Mapping[str, StrategyFactory]) -> list[str]:
    """List the names of all strategies: ours, those ``offered`` by the user's code, packages'."""
    return list(dict.fromkeys([*STRATEGIES, *offered, *(entry.name for entry in _installed())]))


def outdated(name: str) -> list[EntryPoint]:
    """List the installed packages' entries of that name in the group's former name only."""
    return [entry for entry in _installed() if (entry.name, entry.group) == (name, OLD_GROUP)]


def make(
    name: str, settings: Settings, offered: Mapping[str, StrategyFactory] | None = None
) -> Strategy:
    """Make the strategy called ``name``: ours, one of ``offered``, or an installed package's.

    Raises ``StrategyError`` for an unknown or an ambiguous name, for a strategy that can't be
    loaded or made, and for an object without ``propose``.
    """
    from pytest_lmopt.errors import StrategyError

    found = _sources(name, offered or {})
    if not found:
        raise StrategyError(
            f"unknown strategy {name!r}; expected one of {', '.join(known(offered or {}))}",
            strategy=name,
        )
    if len(found) > 1:
        raise StrategyError(
            f"{name!r} is the name of {len(found)} strategies, of {' and '.join(found)}; "
            "give yours another one",
            strategy=name,
        )
    ((source, load),) = found.items()
    try:
        strategy = load()(settings)
    except StrategyError:
        raise
    except Exception as error:
        raise StrategyError(
            f"the strategy {name!r} of {source} can't be made: {type(error).__name__}: {error}",
            strategy=name,
        ) from error
    if not callable(getattr(strategy, "propose", None)):
        raise StrategyError(
            f"the strategy {name!r} of {source} is {strategy!r}, which has no "
            "'async def propose(self, history, bench)'",
            strategy=name,
        )
    return strategy


def _sources(
    name: str, offered: Mapping[str, StrategyFactory]
) -> dict[str, Callable[[], StrategyFactory]]:
    """Find all strategies of a name: where each comes from, and how its factory is loaded."""
    found: dict[str, Callable[[], StrategyFactory]] = {}
    if name in STRATEGIES:
        found["pytest-lmopt"] = EntryPoint(name, STRATEGIES[name], GROUP).load
    if name in offered:
        found["the hook pytest_lmopt_strategies"] = lambda: offered[name]
    for entry in _installed():
        if entry.name == name:
            found[f"the entry point {entry.value}"] = entry.load
    return found


def _installed() -> list[EntryPoint]:
    """List what installed packages offer; what one offers in both groups counts once."""
    entries = list(entry_points(group=GROUP))
    new = {(entry.name, entry.value) for entry in entries}
    old = entry_points(group=OLD_GROUP)
    return entries + [entry for entry in old if (entry.name, entry.value) not in new]
