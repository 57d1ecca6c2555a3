"""The options in force: command line over ini over environment, checked when they are read."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lmopt.plugin.offering import strategies_offered
from pytest_lmopt.plugin.option_values import (
    ACCEPTS,
    GATES,
    OUTCOMES,
    PREFERS,
    choice,
    positive,
    seconds,
    share,
    size,
)
from pytest_lmopt.suites.places import name_below

if TYPE_CHECKING:
    from pytest_lmopt.comparison.gate import GateMode
    from pytest_lmopt.lm.money.prices import Price
    from pytest_lmopt.lm.recordings.recorded import CacheMode
    from pytest_lmopt.optimizers.confirming import Accept, Prefer
    from pytest_lmopt.optimizers.protocol import Strategy
    from pytest_lmopt.reports.making import ReportKind
    from pytest_lmopt.suites.budget import Budget


CACHE_LIMIT = 500_000_000
"""Bytes. The whole file is checked whenever it is opened: about a second for so many."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """The configuration's values for what marks may say."""

    gate: GateMode
    threshold: float | None
    margin: float


@dataclass(frozen=True, kw_only=True)
class Options:
    """The session's options, valid. None leaves it to the mark, then to ``defaults``.

    ``record`` is the folder of record files, None for none; ``recording`` says that this run
    writes them. ``executor`` is the address of a Dask scheduler, None for this machine.
    ``offered`` are the strategies of conftest files and plugins, by name. ``show_source`` lets a
    search's proposer read the pipeline's code.
    ``cache_limit`` and ``prune_to`` are sizes in bytes; ``prune_to`` None leaves
    pruning to the limit.
    """

    defaults: Defaults
    model: str | None
    strategy: str | None
    offered: Mapping[str, Strategy]
    accept: Accept
    prefer: Prefer
    proposer: str | None
    show_source: bool
    meta_prompts: Path | None
    accepting: bool
    gate: GateMode | None
    threshold: float | None
    margin: float | None
    inconclusive_fails: bool
    family: bool
    early_stop: bool
    resplit: int | None
    cache: CacheMode
    record: Path | None
    recording: bool
    cache_limit: int
    prune_to: int | None
    concurrency: int
    executor: str | None
    timeout: float
    example_timeout: float | None
    seed: int
    budget: Budget | None
    resume: bool
    prices: Mapping[str, Price]
    dry_run: bool
    reports: tuple[tuple[ReportKind, Path], ...]
    debug: bool
    otel: bool


def read_options(config: pytest.Config) -> Options:
    """The options in force: command line, then ini, then environment and defaults."""
    if config.getoption("lm_dry_run") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--lm-dry-run runs nothing, so it takes no workers: leave out -n")
    if config.getoption("lm_executor") and config.getoption("numprocesses", None):
        raise pytest.UsageError(
            "--lm-executor spreads examples over a cluster, -n over this machine: leave one out"
        )
    record = _record_folder(config)
    limit = _from_ini(config, "lm_cache_limit", CACHE_LIMIT, size)
    prune_to = config.getoption("lm_cache_prune")
    accepting = _may_accept(config.getoption("lm_snapshot_update"))
    if config.getoption("lm_record") and config.getoption("lm_optimize") and not accepting:
        raise pytest.UsageError(
            "--lm-record with --lm-optimize writes what the accepted scores rest on: add "
            "--lm-snapshot-update, or record in a run without --lm-optimize"
        )
    return Options(
        defaults=Defaults(
            gate=_from_ini(config, "lm_gate", "regression", choice(GATES)),
            threshold=_from_ini(config, "lm_threshold", None, share),
            margin=_from_ini(config, "lm_margin", 0.0, share),
        ),
        model=_first(
            config.getoption("lm_model"), config.getini("lm_model"), os.environ.get("LMOPT_MODEL")
        ),
        strategy=config.getoption("lm_optimize"),
        offered=strategies_offered(config),
        accept=config.getoption("lm_accept")
        or _from_ini(config, "lm_accept", "significant", choice(ACCEPTS)),
        prefer=config.getoption("lm_prefer")
        or _from_ini(config, "lm_prefer", "better", choice(PREFERS)),
        proposer=_first(config.getoption("lm_proposer"), config.getini("lm_proposer")),
        show_source=bool(config.getoption("lm_optimize")) and not config.getoption("lm_no_source"),
        meta_prompts=_meta_prompts(config),
        accepting=accepting,
        gate=config.getoption("lm_gate"),
        threshold=config.getoption("lm_threshold"),
        margin=config.getoption("lm_margin"),
        inconclusive_fails=(
            config.getoption("lm_inconclusive")
            or _from_ini(config, "lm_inconclusive", "pass", choice(OUTCOMES))
        )
        == "fail",
        family=config.getoption("lm_family") or config.getini("lm_family"),
        early_stop=config.getoption("lm_early_stop") or config.getini("lm_early_stop"),
        resplit=config.getoption("lm_resplit"),
        cache=config.getoption("lm_cache"),
        record=record,
        recording=record is not None and (accepting or bool(config.getoption("lm_record"))),
        cache_limit=limit,
        prune_to=limit if prune_to == "" else prune_to,
        concurrency=config.getoption("lm_concurrency")
        or _from_ini(config, "lm_concurrency", 16, positive),
        executor=config.getoption("lm_executor"),
        timeout=config.getoption("lm_timeout") or _from_ini(config, "lm_timeout", 120.0, seconds),
        example_timeout=config.getoption("lm_example_timeout")
        or _from_ini(config, "lm_example_timeout", None, seconds),
        seed=config.getoption("lm_seed"),
        budget=config.getoption("lm_budget"),
        resume=config.getoption("lm_resume") == "yes",
        prices=_prices(config),
        dry_run=config.getoption("lm_dry_run"),
        reports=_reports(config),
        debug=config.getoption("lm_debug"),
        otel=config.getini("lm_otel"),
    )


def _meta_prompts(config: pytest.Config) -> Path | None:
    given = config.getini("lm_meta_prompts")
    if not given:
        return None
    from pytest_lmopt.errors import StrategyError
    from pytest_lmopt.optimizers.proposing.meta_prompts import check_folder

    folder: Path = config.rootpath / given
    try:
        check_folder(folder)
    except StrategyError as error:
        raise pytest.UsageError(f"ini value {error}") from None
    return folder


def _reports(config: pytest.Config) -> tuple[tuple[ReportKind, Path], ...]:
    asked: list[tuple[ReportKind, Path]] = config.getoption("lm_report")
    if not asked:
        return ()
    from pytest_lmopt.errors import ReportError
    from pytest_lmopt.reports.making import check_can_make

    for kind, path in asked:
        try:
            check_can_make(kind)
        except ReportError as error:
            raise pytest.UsageError(f"--lm-report={kind}:{path.name}: {error}") from None
    return tuple(asked)


def _prices(config: pytest.Config) -> dict[str, Price]:
    lines = config.getini("lm_prices")
    if not lines:
        return {}
    from pytest_lmopt.lm.money.prices import parse_price

    try:
        return dict(map(parse_price, lines))
    except ValueError as error:
        raise pytest.UsageError(f"ini value lm_prices: {error}") from None


def _may_accept(value: str | None) -> bool:
    if value == "yes" and in_ci():
        raise pytest.UsageError(
            f"--lm-snapshot-update rewrites committed files, and CI={os.environ['CI']!r} says that "
            "nobody is there to review them; if this job commits them, use --lm-snapshot-update=ci"
        )
    return value is not None


def in_ci() -> bool:
    """Whether nobody is there to watch."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _record_folder(config: pytest.Config) -> Path | None:
    given = config.getoption("lm_record") or config.getini("lm_record")
    if not given:
        return None
    name = name_below(Path(os.path.normpath(config.rootpath / given)), config.rootpath)
    if name is None or name == ".":
        raise pytest.UsageError(
            f"--lm-record (or ini lm_record) {given!r}: a folder of its own inside "
            f"{config.rootpath} expected, such as tests/records"
        )
    return config.rootpath / name


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
