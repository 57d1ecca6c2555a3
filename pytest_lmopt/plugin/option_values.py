"""What the values of options must be: each function reads one kind, or says what is expected."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_lmopt.comparison.gate import GateMode
    from pytest_lmopt.lm.recordings.recorded import CacheMode
    from pytest_lmopt.optimizers.confirming import Accept, Prefer
    from pytest_lmopt.reports.making import ReportKind
    from pytest_lmopt.suites.budget import Budget

STRATEGIES = (
    "auto", "baseline", "bootstrap", "coordinate", "labeled", "mipro", "opro", "rationale",
    "reflect",
)  # fmt: skip
GATES: tuple[GateMode, ...] = ("regression", "noninferior", "off")
CACHE_MODES: tuple[CacheMode, ...] = ("auto", "replay", "refresh", "off")
OUTCOMES = ("pass", "fail")
YES_NO = ("yes", "no")
ORPHANS = ("remove", "keep")
ACCEPTS: tuple[Accept, ...] = ("significant", "best")
PREFERS: tuple[Prefer, ...] = ("better", "shorter")
REPORTS: tuple[ReportKind, ...] = ("html", "json", "md", "csv")
LIMITS: dict[str, type[int] | type[float]] = {
    "calls": int,
    "tokens": int,
    "usd": float,
    "seconds": float,
}


def accepting(value: str) -> str:
    """``yes``, or ``ci`` to accept in CI too."""
    if value in ("yes", "ci"):
        return value
    raise argparse.ArgumentTypeError(
        f"{value!r} is no value; only 'ci' is, to accept in CI. If it is a path, put it before "
        "--lm-snapshot-update"
    )


def prune(value: str) -> int | Literal[""]:
    """A size in bytes; empty for the limit configured."""
    try:
        return size(value) if value else ""
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            f"{error}. If it is a path, put it before --lm-cache-prune"
        ) from None


def size(value: str) -> int:
    """A number of bytes, or of kB, MB or GB."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kMG]?)B?", value, re.IGNORECASE)
    if found is None:
        raise argparse.ArgumentTypeError(f"a size such as 200MB expected, found {value!r}")
    return int(float(found[1]) * 1000 ** " KMG".index(found[2].upper() or " "))


def share(value: str) -> float:
    """A number from 0 to 1."""
    with suppress(ValueError):
        if 0.0 <= float(value) <= 1.0:
            return float(value)
    raise argparse.ArgumentTypeError(f"a number from 0 to 1 expected, found {value!r}")


def positive(value: str) -> int:
    """A whole number above 0."""
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise argparse.ArgumentTypeError(f"a positive whole number expected, found {value!r}")


def budget(value: str) -> Budget:
    """A budget written as ``kind:limit,kind:limit``."""
    from pytest_lmopt.errors import BudgetError
    from pytest_lmopt.suites.budget import Budget

    limits: dict[str, float] = {}
    try:
        for part in value.split(","):
            name, separator, number = part.partition(":")
            if not separator or name in limits or name not in LIMITS:
                raise ValueError(f"found {part!r}")
            limits[name] = LIMITS[name](number)
        return Budget(**limits)  # type: ignore[arg-type]  # each limit by its own type
    except (BudgetError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"limits such as usd:2,calls:5000 expected, of {', '.join(LIMITS)}: {error}"
        ) from None


def seconds(value: str) -> float:
    """A number of seconds above 0."""
    with suppress(ValueError):
        if 0.0 < float(value) < math.inf:
            return float(value)
    raise argparse.ArgumentTypeError(f"a positive number of seconds expected, found {value!r}")


def executor(value: str) -> str:
    """The address of a Dask scheduler, as Dask writes it."""
    found = re.fullmatch(r"dask(\+tls)?://([^/\s]+:\d+)/?", value)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"dask://HOST:PORT or dask+tls://HOST:PORT expected, found {value!r}"
        )
    return f"{'tls' if found[1] else 'tcp'}://{found[2]}"


def reports(value: str) -> list[tuple[ReportKind, Path]]:
    """Reports and where to write them: ``KIND:PATH``, several with commas between."""
    found: list[tuple[ReportKind, Path]] = []
    # a comma that no kind follows belongs to a path
    for part in re.split(rf",(?=(?:{'|'.join(REPORTS)}):)", value):
        kind, _, path = part.partition(":")
        known = next((name for name in REPORTS if name == kind), None)
        if known is None or not path:
            raise argparse.ArgumentTypeError(
                f"KIND:PATH expected, of {', '.join(REPORTS)}, found {part!r}"
            )
        if Path(path).is_dir():
            raise argparse.ArgumentTypeError(f"a file expected, but {path!r} is a folder")
        found.append((known, Path(path).absolute()))
    return found


def choice(values: Sequence[str]) -> Callable[[str], str]:
    """One of ``values``."""

    def checked(value: str) -> str:
        if value in values:
            return value
        raise argparse.ArgumentTypeError(f"one of {', '.join(values)} expected, found {value!r}")

    return checked
