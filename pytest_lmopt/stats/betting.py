"""A confidence sequence by betting: valid however often one looks, so a gate may stop early.

The hedged capital process of Waudby-Smith & Ramdas (2023, "Estimating means of bounded random
variables by betting"), with predictable plug-in bets. For every possible mean m a gambler bets
that the mean is not m; by Ville's inequality the capital reaches 1/α with probability at most α
if it is, at whatever time one stops.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

GRID = 2_001
LARGEST_SHARE = 0.5
"""Share of the capital a bet may put at risk; keeps every capital positive."""


class ConfidenceSequence:
    """Bounds for the mean of values in [−1, 1], updated value by value.

    ``low`` and ``high`` hold together over all times with probability 1 − ``alpha``, provided the
    order of the values was fixed beforehand and does not depend on them.
    """

    def __init__(self, *, alpha: float = 0.05) -> None:
        import numpy as np

        self.alpha = alpha
        self._means = np.linspace(0.0, 1.0, GRID)
        self._gains = np.zeros(GRID)
        self._losses = np.zeros(GRID)
        self._n = 0
        self._sum, self._squares = 0.5, 0.25
        self.low, self.high = -1.0, 1.0

    def extend(self, values: Iterable[float]) -> None:
        """Take further values into account, in their fixed order."""
        for value in values:
            self._add(value)

    def _add(self, value: float) -> None:
        import numpy as np

        if not -1.0 <= value <= 1.0:
            raise ValueError(f"a value in [-1, 1] expected, got {value!r}")
        scaled = (value + 1.0) / 2.0
        self._n += 1
        variance = self._squares / self._n
        bet = math.sqrt(
            2.0 * math.log(2.0 / self.alpha) / (variance * self._n * math.log(1.0 + self._n))
        )
        with np.errstate(divide="ignore"):
            up = np.minimum(bet, LARGEST_SHARE / self._means)
            down = np.minimum(bet, LARGEST_SHARE / (1.0 - self._means))
        self._gains += np.log1p(up * (scaled - self._means))
        self._losses += np.log1p(-down * (scaled - self._means))
        capital = np.maximum(self._gains, self._losses) - math.log(2.0)
        kept = self._means[capital < math.log(1.0 / self.alpha)]
        if kept.size:
            step = 1.0 / (GRID - 1)
            # the running intersection, one grid step wider since means between two were not tried
            self.low = max(self.low, 2.0 * (float(kept[0]) - step) - 1.0)
            self.high = min(self.high, 2.0 * (float(kept[-1]) + step) - 1.0)
        self._sum += scaled
        mean = self._sum / (self._n + 1)
        self._squares += (scaled - mean) ** 2
