"""A mean that grows value by value, with its interval at any time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class RunningMean:
    """Scores in [0, 1] by number, sum and sum of squares; ``binary`` if all were 0 or 1."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    binary: bool = True

    def of_more(self, values: Iterable[float]) -> RunningMean:
        """With some more values."""
        values = list(values)
        return RunningMean(
            n=self.n + len(values),
            total=self.total + math.fsum(values),
            squares=self.squares + math.fsum(value * value for value in values),
            binary=self.binary and set(values) <= {0.0, 1.0},
        )

    @property
    def mean(self) -> float:
        """The mean; nan of nothing."""
        return self.total / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval as ``mean_interval`` has it, without what takes seconds to load.

        Of few scores that are not 0 or 1 it is up to a percent narrower, from six of them on.
        """
        n = self.n
        if n and self.binary:
            centre = (self.total + Z * Z / 2.0) / (n + Z * Z)
            spread = self.mean * (1.0 - self.mean) / n + (Z / n) ** 2 / 4.0
            reach = Z * math.sqrt(spread) / (1.0 + Z * Z / n)
        elif n >= 2:
            # Student's quantile by the first terms of its expansion (Abramowitz & Stegun 26.7.5)
            quantile = Z + (Z**3 + Z) / (4 * (n - 1))
            quantile += (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * (n - 1) ** 2)
            variance = max(0.0, self.squares - n * self.mean**2) / (n - 1)
            centre, reach = self.mean, quantile * math.sqrt(variance / n)
        else:
            return 0.0, 1.0
        return max(0.0, centre - reach), min(1.0, centre + reach)
