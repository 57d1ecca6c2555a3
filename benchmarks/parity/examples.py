"""What every method gets: the same labelled examples."""

from __future__ import annotations

import random

LABELLED = 150
"""How many examples are labelled: ours splits them 40/30/30, peers as their documentation says."""
PROBE = 10**6
"""An item nobody was given: an adopted program is asked it, to read off what it is worth."""


def labelled(seed: int) -> list[int]:
    """The numbers of the labelled items, in an order of the seed's."""
    return random.Random(f"labelled/{seed}").sample(range(1000, 10_000), LABELLED)
