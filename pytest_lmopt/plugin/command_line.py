"""The command line and ini values: names and help."""

from __future__ import annotations

import pytest

from pytest_lmopt.plugin.option_values import (
    ACCEPTS,
    CACHE_MODES,
    GATES,
    OUTCOMES,
    PREFERS,
    STRATEGIES,
    accepting,
    budget,
    executor,
    positive,
    prune,
    reports,
    seconds,
    share,
)

MARK = (
    "lm_suite(*, dataset, metric=None, budget=Budget(), threshold=None, margin=0.0, gate=None, "
    "repeats=1, model=None, max_missing=0.02): evaluate the test over a dataset; it returns a "
    "prediction for lm_example"
)

QUIET = "ignore:Item .* on TypedDict class .* is using the `ReadOnly` qualifier:UserWarning"
"""A warning that litellm's types provoke in pydantic, of no use to anybody."""


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
        metavar="STRATEGY",
        help=f"search for better prompts: {', '.join(STRATEGIES)} (default: auto)",
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
        help="model that writes proposals for a search (default: the suite's own)",
    )
    group.addoption(
        "--lm-no-source",
        action="store_true",
        help="keep the pipeline's code from the model that writes proposals",
    )
    group.addoption(
        "--lm-snapshot-update",
        nargs="?",
        const="yes",
        type=accepting,
        metavar="ci",
        help="accept: write the winner's prompts, and these scores as the baseline; "
        "in CI only as --lm-snapshot-update=ci",
    )
    group.addoption(
        "--lm-gate",
        choices=GATES,
        help="when a suite fails: regression (default), noninferior, off",
    )
    group.addoption(
        "--lm-threshold", type=share, metavar="S", help="lowest acceptable score of every suite"
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
        "--lm-family",
        action="store_true",
        help="judge each suite, and what its search adopts, at α divided by the number of suites "
        "(Bonferroni)",
    )
    group.addoption(
        "--lm-early-stop",
        action="store_true",
        help="end an evaluation as soon as its verdict against the baseline is certain",
    )
    group.addoption(
        "--lm-resplit",
        type=int,
        metavar="SEED",
        help="draw train, dev and holdout anew; kept by --lm-snapshot-update",
    )
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
        "--lm-optimize only what --lm-snapshot-update accepts",
    )
    group.addoption(
        "--lm-cache-prune",
        nargs="?",
        const="",
        type=prune,
        metavar="SIZE",
        help="at the end drop the recorded answers not used for longest until they take no more "
        "than SIZE, such as 200MB (default: lm_cache_limit)",
    )
    group.addoption(
        "--lm-concurrency",
        type=positive,
        metavar="N",
        help="examples at a time, and calls to one provider at a time (default: 16)",
    )
    group.addoption(
        "--lm-executor",
        type=executor,
        metavar="dask://HOST:PORT",
        help="run examples on the workers of a Dask cluster; --lm-concurrency then holds for each",
    )
    group.addoption(
        "--lm-timeout",
        type=seconds,
        metavar="SECONDS",
        help="longest wait for one answer; then it is asked for again (default: 120)",
    )
    group.addoption(
        "--lm-example-timeout",
        type=seconds,
        metavar="SECONDS",
        help="longest run of the pipeline on one example; then it is missing (default: none)",
    )
    group.addoption(
        "--lm-seed", type=int, default=0, metavar="N", help="seed of all randomness (default: 0)"
    )
    group.addoption(
        "--lm-budget",
        type=budget,
        metavar="LIMITS",
        help="what the whole session may spend, such as usd:2,calls:5000 (also tokens, seconds)",
    )
    group.addoption(
        "--lm-resume",
        choices=("yes", "no"),
        default="yes",
        help="whether a search that was killed is continued with what is left of its budget",
    )
    group.addoption(
        "--lm-ledger",
        action="store_true",
        help="show what was charged to which budget, run nothing",
    )
    group.addoption(
        "--lm-dry-run", action="store_true", help="print what would be run and spent, run nothing"
    )
    group.addoption(
        "--lm-debug",
        action="store_true",
        help="show the tracebacks behind errors that are told in a line",
    )
    group.addoption(
        "--lm-report",
        action="extend",
        default=[],
        type=reports,
        metavar="KIND:PATH",
        help="write a report of the session: html, json, md or csv; several with commas between, "
        "such as html:lm.html,json:lm.json",
    )
    parser.addini("lm_model", "default of --lm-model")
    parser.addini("lm_accept", "default of --lm-accept")
    parser.addini("lm_prefer", "default of --lm-prefer")
    parser.addini("lm_proposer", "default of --lm-proposer")
    parser.addini(
        "lm_meta_prompts",
        "folder of meta-prompts (Jinja2) used in place of the strategies' own, by file name",
    )
    parser.addini("lm_gate", "default of --lm-gate")
    parser.addini("lm_threshold", "default of --lm-threshold")
    parser.addini("lm_margin", "default of --lm-margin")
    parser.addini("lm_inconclusive", "default of --lm-inconclusive")
    parser.addini("lm_family", "default of --lm-family", type="bool", default=False)
    parser.addini("lm_early_stop", "default of --lm-early-stop", type="bool", default=False)
    parser.addini("lm_concurrency", "default of --lm-concurrency")
    parser.addini(
        "lm_prices",
        "prices that litellm lacks, a line each: MODEL INPUT OUTPUT, in dollars per million tokens",
        type="linelist",
    )
    parser.addini("lm_timeout", "default of --lm-timeout")
    parser.addini("lm_example_timeout", "default of --lm-example-timeout")
    parser.addini(
        "lm_record",
        "folder of recorded answers, relative to the root folder: read like the recordings, "
        "written by --lm-snapshot-update",
    )
    parser.addini("lm_cache_limit", "most that recorded answers may take (default: 500MB)")
    parser.addini(
        "lm_otel",
        "send suites, runs and LM calls as OpenTelemetry spans (extra otel)",
        type="bool",
        default=False,
    )
