"""Agreement of two raters beyond chance: Cohen's κ with its interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pytest_lmopt.stats.distributions import normal_quantile


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Cohen's ``kappa`` with a 1 − α interval, and the share of equal labels, over ``n`` items."""

    n: int
    kappa: float
    low: float
    high: float
    equal: float


def cohen_kappa(
    first: Sequence[Hashable], second: Sequence[Hashable], *, alpha: float = 0.05
) -> Agreement:
    """κ of two label sequences, with the large-sample interval of Fleiss, Cohen, Everitt 1969.

    Where all labels agree that interval has no width; its lower bound is then what Wilson's bound
    on the share of equal labels leaves above chance.

    Where both raters use one and the same label throughout, chance explains everything: κ is nan
    and its interval [−1, 1]. Raises ``ValueError`` for sequences empty or of unequal length.
    """
    n = len(first)
    if n == 0 or n != len(second):
        raise ValueError(f"two label sequences of equal length expected, got {n}, {len(second)}")
    from pytest_lmopt.stats.intervals import wilson_interval

    cells = Counter(zip(first, second, strict=True))
    rows, columns = Counter(first), Counter(second)
    labels = rows.keys() | columns.keys()
    observed = sum(cells[label, label] for label in labels) / n
    chance = sum(rows[label] * columns[label] for label in labels) / n**2
    if chance == 1.0:
        return Agreement(n=n, kappa=math.nan, low=-1.0, high=1.0, equal=observed)
    kappa = (observed - chance) / (1.0 - chance)
    if observed == 1.0:
        least = wilson_interval(n, n, alpha=alpha)[0]
        low = max(-1.0, (least - chance) / (1.0 - chance))
        return Agreement(n=n, kappa=1.0, low=low, high=1.0, equal=1.0)
    on_diagonal = sum(
        cells[label, label] / n * (1.0 - (rows[label] + columns[label]) / n * (1.0 - kappa)) ** 2
        for label in labels
    )
    off_diagonal = (1.0 - kappa) ** 2 * sum(
        count / n * ((columns[one] + rows[other]) / n) ** 2
        for (one, other), count in cells.items()
        if one != other
    )
    rest = (kappa - chance * (1.0 - kappa)) ** 2
    variance = max(0.0, on_diagonal + off_diagonal - rest) / ((1.0 - chance) ** 2 * n)
    reach = normal_quantile(alpha / 2.0) * math.sqrt(variance)
    return Agreement(
        n=n,
        kappa=kappa,
        low=max(-1.0, kappa - reach),
        high=min(1.0, kappa + reach),
        equal=observed,
    )
