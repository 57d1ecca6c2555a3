"""The options in force: command line over ini over environment, checked when they are read."""

from __future__ import annotations

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
    NONE,
    ORPHANS,
    OUTCOMES,
    PREFERS,
    choice,
    or_none,
    positive,
    seconds,
    share,
    similarity,
    size,
    switch,
)
from pytest_lmopt.plugin.settings import configured, lines, setting
from pytest_lmopt.suites.places import name_below

if TYPE_CHECKING:
    from pytest_lmopt.comparison.gate import GateMode
    from pytest_lmopt.lm.money.prices import Price
    from pytest_lmopt.lm.recordings.recorded import CacheMode
    from pytest_lmopt.reports.making import ReportKind
    from pytest_lmopt.strategies.confirming import Accept, Prefer
    from pytest_lmopt.strategies.protocol import StrategyFactory
    from pytest_lmopt.suites.budget import Budget


CACHE_LIMIT = 500_000_000
"""Bytes. The whole file is checked whenever it is opened: about a second for so many."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """The configuration's values for what marks may say."""

    gate: GateMode
    threshold: float | None
    margin: float
    require_baseline: bool
    near_duplicates: float | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """The session's options, valid. None leaves it to the mark, then to ``defaults``.

    ``threshold`` is ``none`` if no suite is to have one. ``model`` is empty if there is to be none,
    None if nothing names one.

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
    offered: Mapping[str, StrategyFactory]
    accept: Accept
    prefer: Prefer
    proposer: str | None
    show_source: bool
    meta_prompts: Path | None
    accepting: bool
    gate: GateMode | None
    threshold: float | str | None
    margin: float | None
    require_baseline: bool | None
    near_duplicates: float | str | None
    keep_orphans: bool
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
    strategy, executor = _option(config, "lm_optimize"), _option(config, "lm_executor")
    dry_run = bool(config.getoption("lm_dry_run"))
    if dry_run and config.getoption("numprocesses", None):
        raise pytest.UsageError("--lm-dry-run runs nothing, so it takes no workers: leave out -n")
    if executor and config.getoption("numprocesses", None):
        raise pytest.UsageError(
            "--lm-executor spreads examples over a cluster, -n over this machine: leave one out"
        )
    record = _record_folder(config)
    recording = _option(config, "lm_record") is not None
    limit = setting(config, "lm_cache_limit", size, CACHE_LIMIT)
    prune_to = _option(config, "lm_cache_prune")
    accepting = _may_accept(config.getoption("lm_snapshot_update"))
    if recording and strategy and not accepting:
        raise pytest.UsageError(
            "--lm-record with --lm-optimize writes what the accepted scores rest on: add "
            "--lm-snapshot-update, or record in a run without --lm-optimize"
        )
    return Options(
        defaults=Defaults(
            gate=configured(config, "lm_gate", choice(GATES), "regression"),
            threshold=_unless_none(configured(config, "lm_threshold", or_none(share), NONE)),
            margin=configured(config, "lm_margin", share, 0.0),
            require_baseline=configured(config, "lm_require_baseline", switch, False),
            near_duplicates=_unless_none(
                configured(config, "lm_near_duplicates", or_none(similarity), NONE)
            ),
        ),
        model=_model(config),
        strategy=strategy,
        offered=strategies_offered(config, strategy),
        accept=setting(config, "lm_accept", choice(ACCEPTS), "significant"),
        prefer=setting(config, "lm_prefer", choice(PREFERS), "better"),
        proposer=_unless_none(setting(config, "lm_proposer", str, NONE)),
        show_source=bool(strategy) and config.getoption("lm_source") is not False,
        meta_prompts=_meta_prompts(config),
        accepting=accepting,
        gate=config.getoption("lm_gate"),
        threshold=config.getoption("lm_threshold"),
        margin=config.getoption("lm_margin"),
        require_baseline=config.getoption("lm_require_baseline"),
        near_duplicates=config.getoption("lm_near_duplicates"),
        keep_orphans=setting(config, "lm_orphans", choice(ORPHANS), "remove") == "keep",
        inconclusive_fails=setting(config, "lm_inconclusive", choice(OUTCOMES), "pass") == "fail",
        family=setting(config, "lm_family", switch, False),
        early_stop=setting(config, "lm_early_stop", switch, False),
        resplit=_option(config, "lm_resplit"),
        cache=config.getoption("lm_cache"),
        record=record,
        recording=record is not None and (accepting or recording),
        cache_limit=limit,
        prune_to=limit if prune_to == "" else prune_to,
        concurrency=setting(config, "lm_concurrency", positive, 16),
        executor=executor,
        timeout=setting(config, "lm_timeout", seconds, 120.0),
        example_timeout=_unless_none(setting(config, "lm_example_timeout", or_none(seconds), NONE)),
        seed=config.getoption("lm_seed"),
        budget=_option(config, "lm_budget"),
        resume=config.getoption("lm_resume") == "yes",
        prices=_prices(config),
        dry_run=dry_run,
        reports=_reports(config),
        debug=bool(config.getoption("lm_debug")),
        otel=setting(config, "lm_otel", switch, False),
    )


def _option(config: pytest.Config, name: str) -> Any:
    """The value of an option that has no other source; None for ``none``."""
    return _unless_none(config.getoption(name))


def _unless_none(value: Any) -> Any:
    return None if value == NONE else value


def _model(config: pytest.Config) -> str | None:
    """The model of prompts that name none; empty if it is set to none."""
    environment = os.environ.get("LMOPT_MODEL") or None
    model = setting(config, "lm_model", str, None) or environment
    return "" if model == NONE else model


def _meta_prompts(config: pytest.Config) -> Path | None:
    given = _unless_none(setting(config, "lm_meta_prompts", str, NONE))
    if not given:
        return None
    from pytest_lmopt.errors import StrategyError
    from pytest_lmopt.strategies.proposing.meta_prompts import check_folder

    folder: Path = config.rootpath / given
    try:
        check_folder(folder)
    except StrategyError as error:
        option = config.getoption("lm_meta_prompts") is not None
        named = str(error).replace("lm_meta_prompts", "--lm-meta-prompts", 1)
        raise pytest.UsageError(named if option else f"ini value {error}") from None
    return folder


def _reports(config: pytest.Config) -> tuple[tuple[ReportKind, Path], ...]:
    asked: list[tuple[ReportKind, Path]] = []
    for each in config.getoption("lm_report") or ():
        asked = [] if each == NONE else [*asked, each]
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
    found = lines(config, "lm_prices")
    if not found:
        return {}
    from pytest_lmopt.lm.money.prices import parse_price

    try:
        return dict(map(parse_price, found))
    except ValueError as error:
        given = config.getoption("lm_prices") is not None
        place = "--lm-prices" if given else "ini value lm_prices"
        raise pytest.UsageError(f"{place}: {error}") from None


def _may_accept(value: str | None) -> bool:
    if value == "yes" and in_ci():
        raise pytest.UsageError(
            f"--lm-snapshot-update rewrites committed files, and CI={os.environ['CI']!r} says that "
            "nobody is there to review them; if this job commits them, use --lm-snapshot-update=ci"
        )
    return value not in (None, "no")


def in_ci() -> bool:
    """Whether nobody is there to watch."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _record_folder(config: pytest.Config) -> Path | None:
    given = setting(config, "lm_record", str, NONE)
    if given in (NONE, ""):
        return None
    name = name_below(Path(os.path.normpath(config.rootpath / given)), config.rootpath)
    if name is None or name == ".":
        raise pytest.UsageError(
            f"--lm-record (or ini lm_record) {given!r}: a folder of its own inside "
            f"{config.rootpath} expected, such as tests/records"
        )
    return config.rootpath / name
