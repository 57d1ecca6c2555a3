"""The strategies by name: ours, those of the user's own code, those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

from pytest_lmopt.errors import StrategyError
from pytest_lmopt.strategies.auto import Auto
from pytest_lmopt.strategies.baseline import Baseline
from pytest_lmopt.strategies.bootstrap import Bootstrap
from pytest_lmopt.strategies.coordinate import Coordinate
from pytest_lmopt.strategies.labeled import Labeled
from pytest_lmopt.strategies.mipro import Mipro
from pytest_lmopt.strategies.opro import Opro
from pytest_lmopt.strategies.protocol import Settings, Strategy, StrategyFactory
from pytest_lmopt.strategies.rationale import Rationale
from pytest_lmopt.strategies.reflect import Reflect

GROUP = "pytest_lmopt.strategies"
"""The entry point group; an entry's name is the strategy's, its object a ``StrategyFactory``."""

STRATEGIES: Mapping[str, StrategyFactory] = {
    "auto": lambda settings: Auto(seed=settings.seed, meta_prompts=settings.meta_prompts),
    "baseline": lambda _: Baseline(),
    "bootstrap": lambda settings: Bootstrap(seed=settings.seed),
    "coordinate": lambda s: Coordinate(seed=s.seed, meta_prompts=s.meta_prompts),
    "labeled": lambda settings: Labeled(seed=settings.seed),
    "mipro": lambda s: Mipro(seed=s.seed, meta_prompts=s.meta_prompts),
    "opro": lambda s: Opro(seed=s.seed, meta_prompts=s.meta_prompts),
    "rationale": lambda settings: Rationale(seed=settings.seed),
    "reflect": lambda s: Reflect(seed=s.seed, meta_prompts=s.meta_prompts),
}
"""Our own strategies by the name users give."""


def known(offered: Mapping[str, StrategyFactory]) -> list[str]:
    """Names of all strategies: ours, those ``offered`` by the user's code, installed packages'."""
    return list(dict.fromkeys([*STRATEGIES, *offered, *(entry.name for entry in _entries())]))


def make(
    name: str, settings: Settings, offered: Mapping[str, StrategyFactory] | None = None
) -> Strategy:
    """The strategy called ``name``: ours, one of ``offered``, or an installed package's.

    Raises ``StrategyError`` where there is none or more than one of that name, or where it can't be
    loaded or made, or is no strategy.
    """
    offered = offered or {}
    entries = [entry for entry in _entries() if entry.name == name]
    sources = [
        *(["pytest-lmopt"] if name in STRATEGIES else ()),
        *(["the hook pytest_lmopt_strategies"] if name in offered else ()),
        *(f"the entry point {entry.value}" for entry in entries),
    ]
    if len(sources) != 1:
        problem = (
            f"{name!r} is the name of {len(sources)} strategies, of {' and '.join(sources)}; "
            "give yours another one"
            if sources
            else f"{name!r} is no strategy; the strategies are {', '.join(known(offered))}"
        )
        raise StrategyError(problem, strategy=name)
    if name in STRATEGIES:
        return STRATEGIES[name](settings)
    try:
        strategy = (offered[name] if name in offered else entries[0].load())(settings)
    except Exception as error:
        raise StrategyError(
            f"the strategy {name!r} of {sources[0]} can't be made: {type(error).__name__}: {error}",
            strategy=name,
        ) from error
    if not callable(getattr(strategy, "propose", None)):
        raise StrategyError(
            f"the strategy {name!r} of {sources[0]} is {strategy!r}, which has no "
            "'async def propose(self, history, bench)'",
            strategy=name,
        )
    return strategy


def _entries() -> list[EntryPoint]:
    """What installed packages offer."""
    return list(entry_points(group=GROUP))
