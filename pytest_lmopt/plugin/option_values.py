"""What the values of options must be: each function reads one kind, or says what is expected."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pytest_lmopt.comparison.gate import GateMode
    from pytest_lmopt.lm.money.prices import Price
    from pytest_lmopt.lm.net.rules import Interception
    from pytest_lmopt.lm.recordings.recorded import CacheMode
    from pytest_lmopt.reports.making import ReportKind
    from pytest_lmopt.strategies.confirming import Accept, Prefer
    from pytest_lmopt.suites.budget import Budget

Word = TypeVar("Word", bound=str)

GATES: tuple[GateMode, ...] = ("regression", "noninferior", "off")
CACHE_MODES: tuple[CacheMode, ...] = ("auto", "replay", "refresh", "off")
OUTCOMES = ("pass", "fail")
ORPHANS = ("remove", "keep")
ACCEPTS: tuple[Accept, ...] = ("significant", "best")
PREFERS: tuple[Prefer, ...] = ("better", "shorter")
REPORTS: tuple[ReportKind, ...] = ("html", "json", "md", "csv")
NONE = "none"
"""The word that sets an option to nothing, whatever the mark or the configuration says."""
LIMIT = "limit"
"""The size that ``lm_cache_limit`` says."""
LIMITS: dict[str, type[int] | type[float]] = {
    "calls": int,
    "tokens": int,
    "usd": float,
    "seconds": float,
}


def accepting(value: str) -> str:
    """``yes``, ``ci`` to accept in CI too, or ``no``."""
    if value in ("yes", "ci", "no"):
        return value
    raise argparse.ArgumentTypeError(
        f"'ci' (to accept in CI) or 'no' expected, found {value!r}. If it is a path, put it before "
        "--lm-snapshot-update"
    )


def text(value: str) -> str:
    """Any text. Empty, the option counts as not given."""
    return value


def strategy(value: str) -> str:
    """The name of a strategy. Whether there is one of that name is known after the conftest."""
    if value:
        return value
    raise argparse.ArgumentTypeError(f"the name of a strategy expected, found {value!r}")


def switch(value: str) -> bool:
    """A switch, in the words that pytest takes for one."""
    if value.lower() in ("true", "yes", "y", "on", "t", "1"):
        return True
    if value.lower() in ("false", "no", "n", "off", "f", "0"):
        return False
    raise argparse.ArgumentTypeError(f"true or false expected, found {value!r}")


def whole(value: str) -> int:
    """A whole number."""
    with suppress(ValueError):
        return int(value)
    raise argparse.ArgumentTypeError(f"a whole number expected, found {value!r}")


def prune(value: str) -> int | str:
    """A size in bytes, or ``limit`` for the one that ``lm_cache_limit`` says."""
    try:
        return LIMIT if value == LIMIT else size(value)
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


def similarity(value: str) -> float:
    """A number above 0, up to 1."""
    with suppress(ValueError):
        if 0.0 < float(value) <= 1.0:
            return float(value)
    raise argparse.ArgumentTypeError(f"a number above 0, up to 1 expected, found {value!r}")


def positive(value: str) -> int:
    """A whole number above 0."""
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise argparse.ArgumentTypeError(f"a positive whole number expected, found {value!r}")


def budget(value: str) -> Budget:
    """A budget written as ``kind:limit,kind:limit``, with commas or spaces between."""
    from pytest_lmopt.errors import BudgetError
    from pytest_lmopt.suites.budget import Budget

    limits: dict[str, float] = {}
    try:
        for part in re.split(r", ?| ", value):
            name, separator, number = part.partition(":")
            if not separator or name in limits or name not in LIMITS:
                raise ValueError(f"found {part!r}")
            limits[name] = _limit(name, number)
        return Budget(**limits)  # type: ignore[arg-type]  # each limit by its own type
    except (BudgetError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"limits such as usd:2,calls:5000 expected, of {', '.join(LIMITS)}: {error}"
        ) from None


def _limit(name: str, number: str) -> float:
    kind = LIMITS[name]
    with suppress(ValueError):
        return kind(number)
    wanted = "a whole number" if kind is int else "a number"
    raise ValueError(f"{wanted} expected for {name}, found {number!r}")


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


def prices(value: str) -> list[tuple[str, Price]]:
    """A model and its price: ``MODEL INPUT OUTPUT``, in dollars per million tokens."""
    from pytest_lmopt.lm.money.prices import parse_price

    try:
        return [parse_price(value)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def key_path(value: str) -> list[str]:
    """A path to a part of a request's body: names, numbers and ``*`` with dots between.

    Not to what is said: requests that say different things would share an answer.
    """
    path = value.strip()
    *above, last = path.split(".")
    if not last or not all(above):
        raise argparse.ArgumentTypeError(
            f"expected a path such as 'messages.*.name', found {value!r}"
        )
    whole = last == "*" or last.isdecimal()
    if last in _SAID or (whole and (not above or above[-1] in _SAID)):
        raise argparse.ArgumentTypeError(
            f"expected a path to what a request does not say, found {value!r}. Requests that say "
            "different things would share an answer; the hook pytest_lmopt_recorded_body can take "
            "a part, such as a date, out of a text"
        )
    return [path]


_SAID = frozenset(
    (
        *("messages", "contents", "content", "parts", "text", "input", "prompt", "instructions"),
        *("system", "arguments", "tools"),
    )
)
"""Fields of what is said, in any provider's protocol."""


def interceptions(value: str) -> list[Interception]:
    """Hosts to leave alone: ``off``, ``off: HOST`` or ``off: HOST:PORT``."""
    from pytest_lmopt.lm.net.rules import parse_interception

    try:
        return [parse_interception(value)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
        found.append((known, Path(path)))
    return found


def choice(values: Sequence[Word]) -> Callable[[str], Word]:
    """One of ``values``."""

    def checked(value: str) -> Word:
        found = next((each for each in values if each == value), None)
        if found is not None:
            return found
        raise argparse.ArgumentTypeError(f"one of {', '.join(values)} expected, found {value!r}")

    return checked
