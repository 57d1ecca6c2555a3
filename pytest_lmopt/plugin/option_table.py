"""The table of options: command line, configuration, help, README and reference are made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pytest_lmopt.plugin.option_values import (
    ACCEPTS,
    CACHE_MODES,
    GATES,
    LIMIT,
    NONE,
    ORPHANS,
    OUTCOMES,
    PREFERS,
    accepting,
    budget,
    choice,
    executor,
    interceptions,
    key_path,
    positive,
    prices,
    prune,
    reports,
    seconds,
    share,
    similarity,
    size,
    strategy,
    switch,
    text,
    whole,
)
from pytest_lmopt.strategies.registry import STRATEGIES


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Option:
    """An option of the command line, and the ini value of the same name.

    ``read`` reads a value as it is typed, or raises ``ArgumentTypeError``. ``default`` is typed
    text, too: typed out, it takes back what ``addopts`` or the configuration says. An option takes
    the word ``none`` if that is its default. ``on_none`` is the value of a ``none`` that is given.

    ``bare`` is the text that the option means without a value. A ``switch`` has a second form,
    ``--no-...``, and maybe a third, ``also_off``. An option with ``several`` values reads a list of
    them each time; ``none`` forgets those before it.

    ``ini`` is pytest's type of the ini value, None for an option that is about one run only.
    ``environment`` names a variable that counts where the configuration says nothing. A mark's
    argument wins over the ini value of a ``marked`` option, and gives way to the command line.
    Commands that reports suggest repeat the ``repeated`` options.

    ``help`` is one phrase without the default; ``readme`` stands in its place in the README.
    """

    name: str
    help: str
    default: str = NONE
    read: Callable[[str], Any] = text
    metavar: str = ""
    choices: tuple[str, ...] = ()
    on_none: str | None = None
    bare: str | None = None
    switch: bool = False
    also_off: str = ""
    several: bool = False
    ini: Literal["string", "bool", "args", "linelist"] | None = "string"
    environment: str = ""
    marked: bool = False
    repeated: bool = False
    readme: str = ""

    def value_of(self, typed: str) -> Any:
        """Read a value as it is typed; ``none`` stays that word.

        Raises ``ArgumentTypeError`` with what is expected and what is found.
        """
        if typed == NONE == self.default:
            return [NONE] if self.several else NONE
        return self.read(typed)

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def off_flags(self) -> tuple[str, ...]:
        """A switch's names that turn it off, the first one to be preferred."""
        if not self.switch:
            return ()
        return (f"--no-{self.flag[2:]}", *filter(None, [self.also_off]))

    @property
    def usage(self) -> str:
        """The option as it is typed, with a word for its value."""
        value = self.metavar or "|".join(self.choices)
        if self.bare is not None:
            return f"{self.flag}[={value}]"
        return f"{self.flag}={value}" if value else self.flag

    @property
    def shown_default(self) -> str:
        """The default as a reader types it or says it."""
        return {"true": "on", "false": "off"}[self.default] if self.switch else self.default

    @property
    def description(self) -> str:
        """The help with the default."""
        return f"{self.help} (default: {self.shown_default})"


def _choice(name: str, values: tuple[str, ...], help: str, **rest: Any) -> Option:
    """Make an option that takes one of some words, the first one by default."""
    return Option(
        name=name, help=help, default=values[0], read=choice(values), choices=values, **rest
    )


def _switch(name: str, help: str, **rest: Any) -> Option:
    """Make an option that is on or off, off by default."""
    given = {"default": "false", "ini": "bool", **rest}
    return Option(name=name, help=help, read=switch, switch=True, **given)


OPTIONS = (
    Option(
        name="lm_model",
        help="model of prompts that name none: any litellm string, 'local' or 'local:FILE.gguf'; "
        "also the variable LMOPT_MODEL",
        metavar="MODEL",
        on_none="",
        environment="LMOPT_MODEL",
        repeated=True,
        readme="model of prompts that name none; also the variable `LMOPT_MODEL`",
    ),
    Option(
        name="lm_optimize",
        help=f"search for better prompts: {', '.join(STRATEGIES)}; without STRATEGY: auto",
        read=strategy,
        metavar="STRATEGY",
        bare="auto",
        ini=None,
        readme="search for better prompts by a [strategy](#strategies); alone: `auto`",
    ),
    Option(
        name="lm_proposer",
        help="model that writes proposals for a search; none: the suite's own",
        metavar="MODEL",
        repeated=True,
    ),
    _switch(
        "lm_source",
        "show the pipeline's code to the model that writes proposals",
        default="true",
        also_off="--lm-no-source",
        repeated=True,
    ),
    Option(
        name="lm_meta_prompts",
        help="folder of meta-prompts (Jinja2) used in place of the strategies' own",
        metavar="DIR",
        repeated=True,
        readme="folder of your own [meta-prompts](#strategies)",
    ),
    _choice(
        "lm_accept",
        ACCEPTS,
        "what a search adopts: significant: what is proven better on holdout; best: also what only "
        "looks better there",
        repeated=True,
        readme="what a search adopts: what is proven better on holdout, or also what only looks "
        "better there",
    ),
    _choice(
        "lm_prefer",
        PREFERS,
        "shorter: also adopt a prompt that costs fewer tokens per run and is not worse by more "
        "than the suite's margin",
        repeated=True,
        readme="`shorter`: also adopt a prompt that costs fewer tokens per run and is not worse by "
        "more than `margin`",
    ),
    Option(
        name="lm_snapshot_update",
        help="accept: write the winner's prompts, and these scores as the baseline, and remove "
        "orphaned snapshots; in CI only as --lm-snapshot-update=ci",
        default="no",
        read=accepting,
        metavar="ci",
        bare="yes",
        ini=None,
        readme="write the winner's prompts and the scores as baseline, remove orphaned snapshots; "
        "where `CI` is set only as `=ci`",
    ),
    _choice(
        "lm_gate",
        GATES,
        "when a suite fails: regression: if it regressed or scores below its threshold; "
        "noninferior: also unless it holds or improved",
        marked=True,
        readme="`regression`: fail on *regressed* or below `threshold`; `noninferior`: also unless "
        "*holds* or *improved*",
    ),
    Option(
        name="lm_threshold",
        help="lowest acceptable score of every suite",
        read=share,
        metavar="S",
        marked=True,
    ),
    Option(
        name="lm_margin",
        help="largest harmless loss of every suite",
        default="0",
        read=share,
        metavar="D",
        marked=True,
        repeated=True,
    ),
    _choice(
        "lm_inconclusive",
        OUTCOMES,
        "whether a comparison that shows nothing passes or fails",
        readme="what *inconclusive* and *insufficient data* mean for the outcome",
    ),
    _switch(
        "lm_require_baseline",
        "fail every suite that no baseline gates",
        marked=True,
        readme="fail every suite that no baseline gates (*NOT GATED*)",
    ),
    Option(
        name="lm_near_duplicates",
        help="join rows whose inputs share this part of their words, such as 0.8: they are in one "
        "split and one cluster",
        read=similarity,
        metavar="S",
        marked=True,
        readme="join rows whose inputs share this part of their words (`0.8`): one split, one "
        "cluster",
    ),
    _choice(
        "lm_orphans",
        ORPHANS,
        "what --lm-snapshot-update does with snapshots that belong to no test",
    ),
    _switch(
        "lm_family",
        "judge each suite, and what its search adopts, at α/m for m suites (Bonferroni)",
        repeated=True,
    ),
    _switch(
        "lm_early_stop",
        "end an evaluation once its verdict is certain",
    ),
    Option(
        name="lm_resplit",
        help="draw train, dev and holdout anew; kept by --lm-snapshot-update",
        read=whole,
        metavar="SEED",
        ini=None,
        repeated=True,
    ),
    Option(
        name="lm_budget",
        help="what the whole session may spend, such as usd:2,calls:5000 (also tokens, seconds)",
        read=budget,
        metavar="LIMITS",
        ini="args",
        repeated=True,
    ),
    _switch(
        "lm_ledger",
        "show what was charged to which budget, run nothing",
        ini=None,
    ),
    Option(
        name="lm_resume",
        help="whether to continue a search that was killed, with what is left of its budget",
        default="yes",
        read=switch,
        metavar="yes|no",
        ini="bool",
    ),
    Option(
        name="lm_prices",
        help="a price, used before litellm's: 'MODEL INPUT OUTPUT', in dollars per million tokens; "
        "may be given several times",
        read=prices,
        metavar="PRICE",
        several=True,
        ini="linelist",
        repeated=True,
        readme="your prices, before litellm's, a line (or an option) each: `MODEL INPUT OUTPUT`, "
        "in dollars per million tokens",
    ),
    Option(
        name="lm_key_ignore",
        help="a part of clients' requests that recordings leave out, as it changes from run to run "
        "or must not be stored: a path such as 'messages.*.name'; may be given several times",
        read=key_path,
        metavar="PATH",
        several=True,
        ini="linelist",
        repeated=True,
        readme="parts of clients' requests that recordings leave out, as they change from run to "
        "run or must not be stored, a path each: `messages.*.name`",
    ),
    _choice(
        "lm_cache",
        CACHE_MODES,
        "recorded answers: auto: ask only for what is not recorded; replay: never ask a model; "
        "refresh: ask for all anew; off: neither read nor write any",
        readme="`auto`: ask only what is not recorded in `.lmopt/`; `replay`: never ask; "
        "`refresh`: ask all anew",
    ),
    Option(
        name="lm_record",
        help="write the answers that each suite's scores rest on to files to commit; with "
        "--lm-optimize only what --lm-snapshot-update accepts; none: neither write nor read them",
        metavar="DIR",
        repeated=True,
        readme="folder of recorded answers to commit: read where `.lmopt/` has none, written by "
        "`--lm-snapshot-update`; as an option, by any run without `--lm-optimize`",
    ),
    Option(
        name="lm_cache_limit",
        help="most that recorded answers may take; past it those not used for longest go",
        default="500MB",
        read=size,
        metavar="SIZE",
    ),
    Option(
        name="lm_cache_prune",
        help="at the end drop the recorded answers not used for longest until they take no more "
        "than SIZE, such as 200MB; without SIZE: lm_cache_limit",
        read=prune,
        metavar="SIZE",
        bare=LIMIT,
        ini=None,
        readme="drop them down to SIZE now, never what this run used",
    ),
    Option(
        name="lm_intercept",
        help="hosts whose requests are left alone, neither counted, recorded nor refused: 'off: "
        "HOST', 'off: HOST:PORT' ('*.example.com' for several), or 'off' for all; may be given "
        "several times",
        read=interceptions,
        metavar="off[: HOST]",
        several=True,
        ini="linelist",
        repeated=True,
        readme="hosts whose requests are left alone, neither counted, recorded nor refused, a line "
        "(or an option) each: `off: HOST`, `off: HOST:PORT` (`*.example.com` for several); `off` "
        "for all",
    ),
    _choice(
        "lm_engine",
        ("auto", "litellm"),
        "client that asks the providers: auto: our own where it knows provider and parameters, "
        "else litellm; litellm: always that",
        repeated=True,
        readme="client that asks the providers: `auto`: [our "
        "own](docs/how-to/models.md#the-client) where it knows provider and parameters, else "
        "litellm; `litellm`: always that",
    ),
    Option(
        name="lm_concurrency",
        help="examples at a time, and calls to one provider, of all workers together",
        default="16",
        read=positive,
        metavar="N",
    ),
    Option(
        name="lm_executor",
        help="run examples on the workers of a Dask cluster (extra dask); --lm-concurrency then "
        "holds for each",
        read=executor,
        metavar="dask://HOST:PORT",
        readme="run examples on a Dask cluster (extra `dask`); `dask+tls://…` as Dask is "
        "configured",
    ),
    Option(
        name="lm_timeout",
        help="longest wait for one answer; then it is asked for again",
        default="120",
        read=seconds,
        metavar="SECONDS",
        repeated=True,
    ),
    Option(
        name="lm_example_timeout",
        help="longest run of the pipeline on one example, waits included; then it is missing",
        read=seconds,
        metavar="SECONDS",
        readme="longest run of the pipeline on one example, waits included; then it is *missing*",
        repeated=True,
    ),
    Option(
        name="lm_seed",
        help="seed of all randomness",
        default="0",
        read=whole,
        metavar="N",
        repeated=True,
    ),
    _switch(
        "lm_dry_run",
        "print what would be run and spent, run nothing",
        ini=None,
    ),
    Option(
        name="lm_report",
        help="write a report of the session: html, json, md or csv; several with commas between, "
        "such as html:lm.html,json:lm.json, or the option several times",
        read=reports,
        metavar="KIND:PATH",
        several=True,
        ini="linelist",
        readme="write reports, with commas between: `html` (extra `report`), `json`, `md`, `csv`",
    ),
    _switch(
        "lm_debug",
        "show the tracebacks behind errors that are reported in a line",
        ini=None,
        readme="show the tracebacks behind errors that are reported in a line: of an import at "
        "once, else among the test's captured output",
    ),
    _switch(
        "lm_otel",
        "send suites, runs and LM calls as OpenTelemetry spans (extra otel)",
        readme="send suites, runs and LM calls as [OpenTelemetry "
        "spans](docs/how-to/opentelemetry.md) (extra `otel`). There is no other telemetry",
    ),
)
"""All options, in the order of README and help."""

BY_NAME = {option.name: option for option in OPTIONS}
MARKED = tuple(option.name for option in OPTIONS if option.marked)
