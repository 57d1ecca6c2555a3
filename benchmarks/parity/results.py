"""What a run of a method came to: one JSON line each, so that an interrupted series goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Result:
    """One method on one task and seed.

    ``base`` and ``true`` are the true scores of the incumbent and of what was adopted (the
    incumbent again where ``adopted`` is false), ``reported`` the score the method itself gives
    what it adopted. ``best`` are (calls so far, true score) each time a better prompt than any
    before was tried. ``against`` names the peer whose calls, or a share of them, were ``budget``.
    """

    method: str
    task: str
    seed: int
    base: float
    true: float
    adopted: bool
    reported: float
    calls: int
    proposer_calls: int
    best: tuple[tuple[int, float], ...]
    seconds: float
    against: str = ""
    budget: int | None = None
    note: str = ""

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What a run is known by: it is made once."""
        return self.method, self.task, self.seed, self.against


def read(path: Path) -> Iterator[Result]:
    """All results of a file; none if there is no such file."""
    if path.exists():
        for line in path.read_text().splitlines():
            fields = json.loads(line)
            best = tuple((int(calls), float(true)) for calls, true in fields.pop("best"))
            yield Result(**fields, best=best)


def append(path: Path, result: Result) -> None:
    """Add a result to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(result)) + "\n")
