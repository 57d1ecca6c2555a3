"""The command line and ini values: names and help."""

from __future__ import annotations

import argparse

import pytest

from pytest_lmopt.plugin.option_values import (
    ACCEPTS,
    CACHE_MODES,
    GATES,
    ORPHANS,
    OUTCOMES,
    PREFERS,
    accepting,
    budget,
    executor,
    or_none,
    positive,
    prune,
    reports,
    seconds,
    share,
    similarity,
    size,
    whole,
)
from pytest_lmopt.strategies.registry import STRATEGIES

MARK = (
    "lm_suite(*, dataset, metric=None, budget=Budget(), threshold=None, margin=0.0, gate=None, "
    "require_baseline=False, repeats=1, model=None, max_missing=0.02, concurrency=None, "
    "near_duplicates=None): evaluate the test over a dataset; it returns a prediction for "
    "lm_example"
)

QUIET = "ignore:Item .* on TypedDict class .* is using the `ReadOnly` qualifier:UserWarning"
"""A warning that litellm's types provoke in pydantic, of no use to anybody."""


def add_options(parser: pytest.Parser) -> None:
    """Register the options and ini values."""
    group = parser.getgroup("lmopt", "LM suites (pytest-lmopt)")
    _add_search_options(group)
    _add_gate_options(group)
    _add_running_options(group)
    _add_session_options(group)
    _add_values(parser)


def _add_search_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--lm-model",
        metavar="MODEL",
        help="model of prompts that name none: any litellm string, 'local', 'local:FILE.gguf', or "
        "none",
    )
    group.addoption(
        "--lm-optimize",
        nargs="?",
        const="auto",
        metavar="STRATEGY",
        help=f"search for better prompts: {', '.join(STRATEGIES)} (default: auto), or none",
    )
    group.addoption(
        "--lm-accept",
        choices=ACCEPTS,
        help="what a search adopts: significant (default): what is proven better on holdout; best: "
        "also what only looks better there",
    )
    group.addoption(
        "--lm-prefer",
        choices=PREFERS,
        help="shorter: also adopt a prompt that costs fewer tokens per run and is not worse by "
        "more than the suite's margin (default: better)",
    )
    group.addoption(
        "--lm-proposer",
        metavar="MODEL",
        help="model that writes proposals for a search; none: the suite's own (default)",
    )
    group.addoption(
        "--lm-source",
        action=argparse.BooleanOptionalAction,
        help="show the pipeline's code to the model that writes proposals (default)",
    )
    group.addoption(
        "--lm-no-source",
        action="store_false",
        dest="lm_source",
        default=None,
        help="as --no-lm-source",
    )
    group.addoption(
        "--lm-meta-prompts",
        metavar="DIR",
        help="folder of meta-prompts (Jinja2) used in place of the strategies' own, or none",
    )
    group.addoption(
        "--lm-resplit",
        type=or_none(whole),
        metavar="SEED",
        help="draw train, dev and holdout anew; kept by --lm-snapshot-update; none: do not",
    )
    group.addoption(
        "--lm-resume",
        choices=("yes", "no"),
        default="yes",
        help="whether a search that was killed is continued with what is left of its budget",
    )


def _add_gate_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--lm-snapshot-update",
        nargs="?",
        const="yes",
        type=accepting,
        metavar="ci",
        help="accept: write the winner's prompts, and these scores as the baseline; "
        "in CI only as --lm-snapshot-update=ci; =no: do not",
    )
    group.addoption(
        "--lm-gate",
        choices=GATES,
        help="when a suite fails: regression (default), noninferior, off",
    )
    group.addoption(
        "--lm-threshold",
        type=or_none(share),
        metavar="S",
        help="lowest acceptable score of every suite, or none",
    )
    group.addoption(
        "--lm-margin", type=share, metavar="D", help="largest harmless loss of every suite"
    )
    group.addoption(
        "--lm-inconclusive",
        choices=OUTCOMES,
        help="whether a comparison that shows nothing passes (default) or fails",
    )
    group.addoption(
        "--lm-require-baseline",
        action=argparse.BooleanOptionalAction,
        help="fail every suite that no baseline gates",
    )
    group.addoption(
        "--lm-near-duplicates",
        type=or_none(similarity),
        metavar="S",
        help="join rows whose inputs share this part of their words, such as 0.8: they are in one "
        "split and one cluster (default: none, equal inputs only)",
    )
    group.addoption(
        "--lm-orphans",
        choices=ORPHANS,
        help="with --lm-snapshot-update: remove (default) or keep snapshots that belong to no test",
    )
    group.addoption(
        "--lm-family",
        action=argparse.BooleanOptionalAction,
        help="judge each suite, and what its search adopts, at α divided by the number of suites "
        "(Bonferroni)",
    )
    group.addoption(
        "--lm-early-stop",
        action=argparse.BooleanOptionalAction,
        help="end an evaluation as soon as its verdict against the baseline is certain",
    )


def _add_running_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--lm-cache",
        choices=CACHE_MODES,
        default="auto",
        help="recorded answers: auto (default), replay (never ask a model), refresh, off",
    )
    group.addoption(
        "--lm-record",
        metavar="DIR",
        help="write the answers that each suite's scores rest on to files to commit; with "
        "--lm-optimize only what --lm-snapshot-update accepts; none: neither write nor read them",
    )
    group.addoption(
        "--lm-cache-limit",
        type=size,
        metavar="SIZE",
        help="most that recorded answers may take (default: 500MB)",
    )
    group.addoption(
        "--lm-cache-prune",
        nargs="?",
        const="",
        type=prune,
        metavar="SIZE",
        help="at the end drop the recorded answers not used for longest until they take no more "
        "than SIZE, such as 200MB (default: lm_cache_limit); none: do not",
    )
    group.addoption(
        "--lm-concurrency",
        type=positive,
        metavar="N",
        help="examples at a time, and calls to one provider at a time (default: 16)",
    )
    group.addoption(
        "--lm-executor",
        type=or_none(executor),
        metavar="dask://HOST:PORT",
        help="run examples on the workers of a Dask cluster; --lm-concurrency then holds for each; "
        "none: on this machine (default)",
    )
    group.addoption(
        "--lm-timeout",
        type=seconds,
        metavar="SECONDS",
        help="longest wait for one answer; then it is asked for again (default: 120)",
    )
    group.addoption(
        "--lm-example-timeout",
        type=or_none(seconds),
        metavar="SECONDS",
        help="longest run of the pipeline on one example; then it is missing (default: none)",
    )
    group.addoption(
        "--lm-seed", type=int, default=0, metavar="N", help="seed of all randomness (default: 0)"
    )
    group.addoption(
        "--lm-budget",
        type=or_none(budget),
        metavar="LIMITS",
        help="what the whole session may spend, such as usd:2,calls:5000 (also tokens, seconds), "
        "or none",
    )
    group.addoption(
        "--lm-prices",
        action="append",
        metavar="PRICE",
        help="a price, used before litellm's: 'MODEL INPUT OUTPUT', in dollars per million tokens; "
        "may be given several times; none: forget those before it, and the configuration's",
    )


def _add_session_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--lm-ledger",
        action=argparse.BooleanOptionalAction,
        help="show what was charged to which budget, run nothing",
    )
    group.addoption(
        "--lm-dry-run",
        action=argparse.BooleanOptionalAction,
        help="print what would be run and spent, run nothing",
    )
    group.addoption(
        "--lm-debug",
        action=argparse.BooleanOptionalAction,
        help="show the tracebacks behind errors that are reported in a line",
    )
    group.addoption(
        "--lm-report",
        action="extend",
        default=[],
        type=reports,
        metavar="KIND:PATH",
        help="write a report of the session: html, json, md or csv; several with commas between, "
        "such as html:lm.html,json:lm.json; none: forget those before it",
    )
    group.addoption(
        "--lm-otel",
        action=argparse.BooleanOptionalAction,
        help="send suites, runs and LM calls as OpenTelemetry spans (extra otel)",
    )


def _add_values(parser: pytest.Parser) -> None:
    for name in (
        "model", "accept", "prefer", "proposer", "gate", "threshold", "margin", "inconclusive",
        "concurrency", "timeout", "example_timeout", "cache_limit", "orphans",
        "near_duplicates",
    ):  # fmt: skip
        parser.addini(f"lm_{name}", f"default of --lm-{name.replace('_', '-')}")
    for name in ("family", "early_stop", "otel", "require_baseline"):
        help_ = f"default of --lm-{name.replace('_', '-')}"
        parser.addini(f"lm_{name}", help_, type="bool", default=False)
    parser.addini(
        "lm_meta_prompts",
        "folder of meta-prompts (Jinja2) used in place of the strategies' own, by file name",
    )
    parser.addini(
        "lm_prices",
        "prices used before litellm's, a line each: MODEL INPUT OUTPUT, in dollars per million "
        "tokens",
        type="linelist",
    )
    parser.addini(
        "lm_record",
        "folder of recorded answers, relative to the root folder: read like the recordings, "
        "written by --lm-snapshot-update",
    )
