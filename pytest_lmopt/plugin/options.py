"""The options in force, checked as they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lmopt.plugin.offering import strategies_offered
from pytest_lmopt.plugin.option_table import BY_NAME, MARKED
from pytest_lmopt.plugin.option_values import LIMIT
from pytest_lmopt.plugin.settings import configured, in_force, place, typed
from pytest_lmopt.suites.places import name_below

if TYPE_CHECKING:
    from pytest_lmopt.lm.engine.engine import EngineName
    from pytest_lmopt.lm.money.prices import Price
    from pytest_lmopt.lm.net.rules import Interception
    from pytest_lmopt.lm.recordings.recorded import CacheMode
    from pytest_lmopt.reports.making import ReportKind
    from pytest_lmopt.strategies.confirming import Accept, Prefer
    from pytest_lmopt.strategies.protocol import StrategyFactory
    from pytest_lmopt.suites.budget import Budget


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Options:
    """The session's options, valid.

    ``over_marks`` are values of the command line that win over a mark's arguments of these names,
    ``under_marks`` those of the configuration, for marks that say nothing. ``model`` is empty if
    there is to be none, None if nothing names one.

    ``record`` is the folder of record files, None for none; ``recording`` says that this run
    writes them. ``executor`` is the address of a Dask scheduler, None for this machine.
    ``offered`` are the strategies of conftest files and plugins, by name. ``show_source`` lets a
    search's proposer read the pipeline's code.
    ``cache_limit`` and ``prune_to`` are sizes in bytes; ``prune_to`` None leaves
    pruning to the limit. ``intercept`` names the hosts whose requests are left alone, if any.
    ``engine`` names the client that asks providers.
    """

    over_marks: Mapping[str, Any]
    under_marks: Mapping[str, Any]
    model: str | None
    strategy: str | None
    offered: Mapping[str, StrategyFactory]
    accept: Accept
    prefer: Prefer
    proposer: str | None
    show_source: bool
    meta_prompts: Path | None
    accepting: bool
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
    intercept: Interception | None
    engine: EngineName
    concurrency: int
    executor: str | None
    timeout: float
    example_timeout: float | None
    seed: int
    budget: Budget | None
    resume: bool
    prices: Mapping[str, Price]
    key_ignore: tuple[str, ...]
    dry_run: bool
    reports: tuple[tuple[ReportKind, Path], ...]
    debug: bool
    otel: bool

    def for_suite(self, name: str, marked: Any) -> Any:
        """Choose the value for a suite whose mark has ``marked``, None where it says nothing."""
        if name in self.over_marks:
            return self.over_marks[name]
        return self.under_marks[name] if marked is None else marked


def read_options(config: pytest.Config) -> Options:
    """Read the options in force.

    Raises a usage error for values that are wrong, or do not go together.
    """
    value = {name: in_force(config, option) for name, option in BY_NAME.items()}
    marked = {name.removeprefix("lm_"): BY_NAME[name] for name in MARKED}
    workers = config.getoption("numprocesses", None)
    if value["lm_dry_run"] and workers:
        raise pytest.UsageError("--lm-dry-run runs nothing, so it takes no workers: leave out -n")
    if value["lm_executor"] and workers:
        raise pytest.UsageError(
            f"{place(config, BY_NAME['lm_executor'])} spreads examples over a cluster, -n over "
            "this machine: leave one out, such as by --lm-executor=none"
        )
    record = _record_folder(config, value["lm_record"])
    recording = record is not None and typed(config, BY_NAME["lm_record"]) is not None
    accepting = _may_accept(value["lm_snapshot_update"])
    if recording and value["lm_optimize"] and not accepting:
        raise pytest.UsageError(
            "--lm-record with --lm-optimize writes what the accepted scores rest on: add "
            "--lm-snapshot-update, or record in a run without --lm-optimize"
        )
    limit, prune_to = value["lm_cache_limit"], value["lm_cache_prune"]
    return Options(
        over_marks={
            name: in_force(config, option)
            for name, option in marked.items()
            if typed(config, option) is not None
        },
        under_marks={name: configured(config, option) for name, option in marked.items()},
        model=value["lm_model"],
        strategy=value["lm_optimize"],
        offered=strategies_offered(config, value["lm_optimize"]),
        accept=value["lm_accept"],
        prefer=value["lm_prefer"],
        proposer=value["lm_proposer"],
        show_source=bool(value["lm_optimize"]) and value["lm_source"],
        meta_prompts=_meta_prompts(config, value["lm_meta_prompts"]),
        accepting=accepting,
        keep_orphans=value["lm_orphans"] == "keep",
        inconclusive_fails=value["lm_inconclusive"] == "fail",
        family=value["lm_family"],
        early_stop=value["lm_early_stop"],
        resplit=value["lm_resplit"],
        cache=value["lm_cache"],
        record=record,
        recording=record is not None and (accepting or recording),
        cache_limit=limit,
        prune_to=limit if prune_to == LIMIT else prune_to,
        intercept=_interception(value["lm_intercept"]),
        engine=value["lm_engine"],
        concurrency=value["lm_concurrency"],
        executor=value["lm_executor"],
        timeout=value["lm_timeout"],
        example_timeout=value["lm_example_timeout"],
        seed=value["lm_seed"],
        budget=value["lm_budget"],
        resume=value["lm_resume"],
        prices=dict(value["lm_prices"]),
        key_ignore=tuple(value["lm_key_ignore"]),
        dry_run=value["lm_dry_run"],
        reports=_reports(config, value["lm_report"]),
        debug=value["lm_debug"],
        otel=value["lm_otel"],
    )


def _interception(given: Sequence[Interception] | None) -> Interception | None:
    return reduce(or_, given) if given else None


def _meta_prompts(config: pytest.Config, given: str | None) -> Path | None:
    if not given:
        return None
    from pytest_lmopt.errors import StrategyError
    from pytest_lmopt.strategies.proposing.meta_prompts import check_folder

    folder: Path = config.rootpath / given
    try:
        check_folder(folder)
    except StrategyError as error:
        named = place(config, BY_NAME["lm_meta_prompts"])
        raise pytest.UsageError(str(error).replace("lm_meta_prompts", named, 1)) from None
    return folder


def _reports(
    config: pytest.Config, asked: Sequence[tuple[ReportKind, Path]]
) -> tuple[tuple[ReportKind, Path], ...]:
    """Check reports and place their files: where pytest was started, those of ini in the root."""
    if not asked:
        return ()
    from pytest_lmopt.errors import ReportError
    from pytest_lmopt.reports.making import check_can_make

    option = BY_NAME["lm_report"]
    named = place(config, option)
    started = typed(config, option) is not None
    folder = config.invocation_params.dir if started else config.rootpath
    for kind, path in asked:
        if (folder / path).is_dir():
            raise pytest.UsageError(
                f"{named}={kind}:{path}: a file expected, but '{path}' is a folder"
            )
        try:
            check_can_make(kind)
        except ReportError as error:
            raise pytest.UsageError(f"{named}={kind}:{path.name}: {error}") from None
    return tuple((kind, folder / path) for kind, path in asked)


def _may_accept(value: str) -> bool:
    if value == "yes" and in_ci():
        raise pytest.UsageError(
            f"--lm-snapshot-update rewrites committed files, and CI={os.environ['CI']!r} says that "
            "no person reviews them here. If this job commits them, use --lm-snapshot-update=ci"
        )
    return value != "no"


def in_ci() -> bool:
    """Say whether the run has no terminal that a person watches."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _record_folder(config: pytest.Config, given: str | None) -> Path | None:
    if given is None:
        return None
    name = name_below(Path(os.path.normpath(config.rootpath / given)), config.rootpath)
    if name is None or name == ".":
        raise pytest.UsageError(
            f"{place(config, BY_NAME['lm_record'])}: {given!r}: a folder of its own inside "
            f"{config.rootpath} expected, such as tests/records"
        )
    return config.rootpath / name
