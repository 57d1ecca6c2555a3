"""The strategies by name: ours, and those that other packages offer by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from pytest_lmopt.errors import StrategyError
from pytest_lmopt.optimizers.auto import Auto
from pytest_lmopt.optimizers.baseline import Baseline
from pytest_lmopt.optimizers.bootstrap import Bootstrap
from pytest_lmopt.optimizers.coordinate import Coordinate
from pytest_lmopt.optimizers.labeled import Labeled
from pytest_lmopt.optimizers.mipro import Mipro
from pytest_lmopt.optimizers.opro import Opro
from pytest_lmopt.optimizers.protocol import Optimizer, Settings, Strategy
from pytest_lmopt.optimizers.rationale import Rationale
from pytest_lmopt.optimizers.reflect import Reflect

GROUP = "pytest_lmopt.optimizers"
"""The entry point group; an entry's name is the strategy's, its object a ``Strategy``."""

STRATEGIES: Mapping[str, Strategy] = {
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


@lru_cache(maxsize=1)
def offered() -> Mapping[str, EntryPoint]:
    """What installed packages offer, by name; our own names can't be taken."""
    found = entry_points(group=GROUP)
    return {entry.name: entry for entry in found if entry.name not in STRATEGIES}


def make(name: str, settings: Settings) -> Optimizer:
    """The strategy called ``name``.

    Raises ``StrategyError`` where a package's own can't be loaded or made, or is no strategy.
    """
    if name in STRATEGIES:
        return STRATEGIES[name](settings)
    entry = offered()[name]
    try:
        optimizer = entry.load()(settings)
    except Exception as error:
        raise StrategyError(
            f"the strategy {name!r} ({entry.value}) can't be made: {type(error).__name__}: {error}",
            strategy=name,
        ) from error
    if not callable(getattr(optimizer, "propose", None)):
        raise StrategyError(
            f"the strategy {name!r} ({entry.value}) made {optimizer!r}, which has no "
            "'async def propose(history, bench)'",
            strategy=name,
        )
    return optimizer  # type: ignore[no-any-return]
