"""What is wanted of us, in medians of cases: rows for those whose cases were all measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from speed.cases import (
    ASYNC,
    CLIENT,
    OURS,
    PYTEST,
    REPLAY,
    UNUSED,
    WORKERS,
    XDIST,
    XDIST_2,
    Case,
)
from speed.clients import PEERS
from speed.processes import Figures

Results = Mapping[Case, Sequence[Figures]]
RAW = "raw aiohttp"
HARNESSES = [name for name in PEERS if not name.startswith("raw")]
LATENCY = 0.05


@dataclass(frozen=True)
class Medians:
    """Medians of cases by name, of most examples; ``KeyError`` for what was not measured."""

    results: Results

    def wall(self, name: str) -> float:
        """Seconds of all examples, with the server's latency."""
        return self._of(lambda run: run.seconds, self._case(name, LATENCY))

    def wall_of_one(self, name: str) -> float:
        """Seconds of one test."""
        return self._of(lambda run: run.seconds, Case(name=name, examples=1))

    def cpu(self, name: str) -> float:
        """CPU seconds of all examples, without latency."""
        return self._of(lambda run: run.cpu_seconds, self._case(name))

    def cpu_of_one(self, name: str) -> float:
        """CPU seconds of one test."""
        return self._of(lambda run: run.cpu_seconds, Case(name=name, examples=1))

    def rate(self, name: str) -> float:
        """Steady requests a second, without latency."""
        return self._of(lambda run: run.steady_rate, self._case(name))

    def megabytes(self, name: str) -> float:
        """Peak memory."""
        return self._of(lambda run: run.megabytes, self._case(name, LATENCY))

    def slope(self, name: str) -> tuple[float, float]:
        """CPU seconds of the start, and CPU milliseconds of each call more, without latency."""
        sizes = [case for case in self.results if case.name == name and not case.latency]
        few, many = (find(sizes, key=lambda case: case.examples) for find in (min, max))
        used = [self._of(lambda run: run.cpu_seconds, case) for case in (few, many)]
        each = (used[1] - used[0]) / (many.examples - few.examples)
        return used[0] - each * few.examples, 1_000 * each

    @property
    def most(self) -> int:
        """The number of examples that figures are of."""
        return max(case.examples for case in self.results)

    def _case(self, name: str, latency: float = 0.0) -> Case:
        return Case(name=name, examples=self.most, latency=latency)

    def _of(self, figure: Callable[[Figures], float], case: Case) -> float:
        return median(map(figure, self.results[case]))


@dataclass(frozen=True)
class Target:
    """A figure, and the most that it may be."""

    words: str
    most: Callable[[Medians], float]
    found: Callable[[Medians], float]

    def row(self, medians: Medians) -> str:
        """Return a row of the table; ``KeyError`` or ``ValueError`` where a case is missing."""
        most, found = self.most(medians), self.found(medians)
        return (
            f"| {self.words} | {most:.2f} | {found:.2f} | {'met' if found <= most else 'missed'} |"
        )


def target_rows(results: Results) -> Iterator[str]:
    """Yield a row for each target whose cases were measured."""
    medians = Medians(results)
    for target in [*_targets_of(OURS), *_targets_of(ASYNC), *OTHERS]:
        try:
            yield target.row(medians)
        except (KeyError, ValueError, ZeroDivisionError):
            continue


def _targets_of(name: str) -> list[Target]:
    return [
        Target(
            f"{name}, 50 ms: wall s; 1.3 × ({RAW} + {PYTEST})",
            lambda medians: 1.3 * (medians.wall(RAW) + medians.wall_of_one(PYTEST)),
            lambda medians: medians.wall(name),
        ),
        Target(
            f"{name}, 50 ms: wall s; the fastest peer that is not raw",
            _fastest_peer,
            lambda medians: medians.wall(name),
        ),
        Target(
            f"{name}, 0 ms: steady rate of {RAW} over ours",
            lambda _: 2.0,
            lambda medians: medians.rate(RAW) / medians.rate(name),
        ),
        Target(
            f"{name}: peak MB",
            lambda medians: 100.0 if medians.most <= 1_000 else 200.0,
            lambda medians: medians.megabytes(name),
        ),
    ]


def _fastest_peer(medians: Medians) -> float:
    measured = {case.name for case in medians.results}
    return min(medians.wall(name) for name in HARNESSES if name in measured)


OTHERS = [
    Target(
        f"{CLIENT}: CPU ms a call over the bare SDK",
        lambda _: 0.5,
        lambda medians: medians.slope(CLIENT)[1] - medians.slope("OpenAI SDK")[1],
    ),
    Target(
        f"{REPLAY}: CPU s over {PYTEST}, one test",
        lambda medians: medians.cpu_of_one(PYTEST),
        lambda medians: medians.cpu(REPLAY) - medians.cpu_of_one(PYTEST),
    ),
    Target(
        f"{UNUSED}: CPU over that of {PYTEST}",
        lambda _: 1.02,
        lambda medians: medians.cpu(UNUSED) / medians.cpu(PYTEST),
    ),
    Target(
        f"{UNUSED}: CPU over that of {XDIST}",
        lambda _: 1.02,
        lambda medians: medians.cpu(UNUSED) / medians.cpu(XDIST),
    ),
    Target(
        f"{WORKERS}, 50 ms: wall s; one process and the start of workers",
        lambda medians: (
            medians.wall(OURS) + medians.wall_of_one(XDIST_2) - medians.wall_of_one(XDIST)
        ),
        lambda medians: medians.wall(WORKERS),
    ),
]
