"""A mean that grows value by value, with its interval at any time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_lmopt.stats.intervals import wilson_interval


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
        """The 95 % interval, as ``mean_interval`` has it."""
        if self.n and self.binary:
            return wilson_interval(round(self.total), self.n)
        if self.n < 2:
            return 0.0, 1.0
        from scipy.stats import t

        variance = max(0.0, self.squares - self.n * self.mean**2) / (self.n - 1)
        reach = float(t.isf(0.025, self.n - 1)) * math.sqrt(variance / self.n)
        return max(0.0, self.mean - reach), min(1.0, self.mean + reach)
