"""Command-line options and ini values, checked when they are read."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_lmopt.comparison.gate import GateMode
    from pytest_lmopt.lm.recordings import CacheMode

STRATEGIES = ("auto", "baseline", "bootstrap")
GATES: tuple[GateMode, ...] = ("regression", "noninferior", "off")
CACHE_MODES: tuple[CacheMode, ...] = ("auto", "replay", "refresh", "off")
REPORTS = ("json",)

MARK = (
    "lm_suite(*, dataset, metric=None, budget=Budget(), threshold=None, margin=0.0, model=None, "
    "max_missing=0.02): evaluate the test over a dataset; it returns a prediction for lm_example"
)

QUIET = "ignore:Item .* on TypedDict class .* is using the `ReadOnly` qualifier:UserWarning"
"""A warning that litellm's types provoke in pydantic, of no use to anybody."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The session's options, valid."""

    model: str | None
    strategy: str | None
    accepting: bool
    gate: GateMode
    cache: CacheMode
    concurrency: int
    seed: int
    dry_run: bool
    json_report: Path | None


def add_options(parser: pytest.Parser) -> None:
    """Register the options and ini values."""
    group = parser.getgroup("lmopt", "LM suites (pytest-lmopt)")
    group.addoption(
        "--lm-model",
        metavar="MODEL",
        help="model of prompts that name none: any litellm string, 'local', or 'local:FILE.gguf'",
    )
    group.addoption(
        "--lm-optimize",
        nargs="?",
        const="auto",
        type=_strategy,
        metavar="STRATEGY",
        help=f"search for better prompts: {', '.join(STRATEGIES)} (default: auto)",
    )
    group.addoption(
        "--lm-snapshot-update",
        action="store_true",
        help="accept: write the winner's prompts, and these scores as the baseline",
    )
    group.addoption(
        "--lm-gate",
        choices=GATES,
        help="when a suite fails: regression (default), noninferior, off",
    )
    group.addoption(
        "--lm-cache",
        choices=CACHE_MODES,
        default="auto",
        help="recorded answers: auto (default), replay (never ask a model), refresh, off",
    )
    group.addoption(
        "--lm-concurrency", type=_positive, metavar="N", help="examples at a time (default: 16)"
    )
    group.addoption(
        "--lm-seed", type=int, default=0, metavar="N", help="seed of all randomness (default: 0)"
    )
    group.addoption(
        "--lm-dry-run", action="store_true", help="print what would be run and spent, run nothing"
    )
    group.addoption(
        "--lm-report",
        type=_report,
        metavar="json:PATH",
        help="write the session's report to a file",
    )
    parser.addini("lm_model", "default of --lm-model")
    parser.addini("lm_gate", "default of --lm-gate")
    parser.addini("lm_concurrency", "default of --lm-concurrency")


def read_options(config: pytest.Config) -> Options:
    """The options in force: command line, then ini, then environment and defaults."""
    if config.getoption("lm_dry_run") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--lm-dry-run runs nothing, so it takes no workers: leave out -n")
    return Options(
        model=_first(
            config.getoption("lm_model"), config.getini("lm_model"), os.environ.get("LMOPT_MODEL")
        ),
        strategy=config.getoption("lm_optimize"),
        accepting=config.getoption("lm_snapshot_update"),
        gate=config.getoption("lm_gate")
        or _from_ini(config, "lm_gate", "regression", _choice(GATES)),
        cache=config.getoption("lm_cache"),
        concurrency=config.getoption("lm_concurrency")
        or _from_ini(config, "lm_concurrency", 16, _positive),
        seed=config.getoption("lm_seed"),
        dry_run=config.getoption("lm_dry_run"),
        json_report=config.getoption("lm_report"),
    )


def _strategy(value: str) -> str:
    if value in STRATEGIES:
        return value
    raise argparse.ArgumentTypeError(
        f"{value!r} is no strategy; the strategies are {', '.join(STRATEGIES)}. If it is a path, "
        f"write --lm-optimize=auto {value}, or put it before --lm-optimize"
    )


def _positive(value: str) -> int:
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise argparse.ArgumentTypeError(f"a positive whole number expected, found {value!r}")


def _report(value: str) -> Path:
    kind, separator, path = value.partition(":")
    if kind in REPORTS and separator and path:
        return Path(path).absolute()
    raise argparse.ArgumentTypeError(f"json:PATH expected, found {value!r}")


def _choice(values: Sequence[str]) -> Any:
    def checked(value: str) -> str:
        if value in values:
            return value
        raise argparse.ArgumentTypeError(f"one of {', '.join(values)} expected, found {value!r}")

    return checked


def _from_ini(config: pytest.Config, name: str, default: Any, convert: Any) -> Any:
    value = config.getini(name)
    if not value:
        return default
    try:
        return convert(value)
    except argparse.ArgumentTypeError as error:
        raise pytest.UsageError(f"ini value {name}: {error}") from None


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value), None)
