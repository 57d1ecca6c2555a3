"""Which choices to try next, given what earlier ones brought: TPE, by Optuna.

Tree-structured Parzen estimator (Bergstra et al. 2011; multivariate, Falkner et al. 2018; Optuna,
Akiba et al. 2019): values that good choices have in common become likelier.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from pytest_lmopt.errors import StrategyError
from pytest_lmopt.strategies.choices import Choice

TRIES = 8
"""So many suggestions at most are drawn for each choice wanted: some were tried before."""


def check_installed() -> None:
    """Raise ``StrategyError`` where Optuna, an optional dependency, is missing."""
    if find_spec("optuna") is None:
        raise StrategyError(
            "the strategy 'mipro' needs Optuna: pip install 'pytest-lmopt[mipro]'",
            strategy="mipro",
        )


def suggest(
    sizes: Mapping[str, int],
    known: Sequence[tuple[Choice, float]],
    wanted: Sequence[Choice],
    *,
    count: int,
    seed: str,
) -> list[Choice]:
    """``count`` choices that are not ``known``, if there are: those ``wanted``, then TPE's.

    ``sizes`` says how many values each parameter has, ``known`` what choices brought (larger is
    better). The study is made anew from these, so the same arguments bring the same choices.
    """
    import optuna

    space: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.CategoricalDistribution(tuple(range(size)))
        for name, size in sizes.items()
    }
    seen = {_key(choice): value for choice, value in known}
    found: list[Choice] = []
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=1, seed=random.Random(seed).getrandbits(32)
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for choice, value in known:
            trial = optuna.trial.create_trial(params=dict(choice), distributions=space, value=value)
            study.add_trial(trial)
        for choice in wanted:
            study.enqueue_trial(dict(choice))
        for _ in range(len(wanted) + TRIES * count):
            if len(found) == count:
                break
            asked = study.ask(space)
            key = _key(asked.params)
            if key not in seen:
                seen[key] = min(seen.values(), default=0.0)
                found.append(dict(asked.params))
            else:
                study.tell(asked, seen[key])
    finally:
        optuna.logging.set_verbosity(verbosity)
    return found


def _key(choice: Choice) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(choice.items()))
