"""Every option of the table, in each way it can be given, taken back and mistaken."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt.lm.money.prices import Price
from pytest_lmopt.lm.net.rules import Interception
from pytest_lmopt.plugin.option_table import BY_NAME, OPTIONS, Option
from pytest_lmopt.plugin.option_values import key_path
from pytest_lmopt.plugin.options import read_options
from pytest_lmopt.plugin.serving import NEUTRAL
from pytest_lmopt.plugin.settings import in_force
from pytest_lmopt.suites.budget import Budget


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One value of an option: ``typed`` and ``natural`` (TOML) mean ``value``.

    An option with several values has one on each line of ``typed``. The ``default`` is in force
    once the option is taken back. ``wrong`` is typed, ``unnatural`` TOML, each with its message.
    """

    typed: str
    natural: str = ""
    value: Any
    default: Any
    wrong: tuple[str, str] | None = None
    unnatural: tuple[str, str] = ("", "")


IGNORED = ("x", "ignored explicit argument 'x'")
"""argparse's words for a value given to a switch."""

SAMPLES = {
    "lm_model": Sample(
        typed="openai/x", natural='"openai/x"', value="openai/x", default="",
        unnatural=("5", "text expected, found 5"),
    ),
    "lm_optimize": Sample(
        typed="baseline", value="baseline", default=None,
        wrong=("", "the name of a strategy expected, found ''"),
    ),
    "lm_proposer": Sample(
        typed="openai/x", natural='"openai/x"', value="openai/x", default=None,
        unnatural=("false", "text expected, found False"),
    ),
    "lm_source": Sample(
        typed="no", natural="false", value=False, default=True, wrong=IGNORED,
        unnatural=('"some"', "true or false expected, found 'some'"),
    ),
    "lm_meta_prompts": Sample(
        typed="words", natural='"words"', value="words", default=None,
        unnatural=('["words"]', "text expected, found ['words']"),
    ),
    "lm_accept": Sample(
        typed="best", natural='"best"', value="best", default="significant",
        wrong=("any", "one of significant, best expected, found 'any'"),
        unnatural=("true", "one of significant, best expected, found 'true'"),
    ),
    "lm_prefer": Sample(
        typed="shorter", natural='"shorter"', value="shorter", default="better",
        wrong=("longer", "one of better, shorter expected, found 'longer'"),
        unnatural=("1.5", "one of better, shorter expected, found '1.5'"),
    ),
    "lm_snapshot_update": Sample(
        typed="ci", value=True, default=False,
        wrong=("tests", "'ci' (to accept in CI) or 'no' expected, found 'tests'. If it is a path,"),
    ),
    "lm_gate": Sample(
        typed="off", natural='"off"', value="off", default="regression",
        wrong=("strict", "one of regression, noninferior, off expected, found 'strict'"),
        unnatural=("false", "one of regression, noninferior, off expected, found 'false'"),
    ),
    "lm_threshold": Sample(
        typed="0.5", natural="0.5", value=0.5, default=None,
        wrong=("-1", "a number from 0 to 1 expected, found '-1'"),
        unnatural=("70", "a number from 0 to 1 expected, found '70'"),
    ),
    "lm_margin": Sample(
        typed="0.02", natural="0.02", value=0.02, default=0.0,
        wrong=("none", "a number from 0 to 1 expected, found 'none'"),
        unnatural=("true", "a number from 0 to 1 expected, found 'true'"),
    ),
    "lm_inconclusive": Sample(
        typed="fail", natural='"fail"', value=True, default=False,
        wrong=("none", "one of pass, fail expected, found 'none'"),
        unnatural=("true", "one of pass, fail expected, found 'true'"),
    ),
    "lm_require_baseline": Sample(
        typed="true", natural="true", value=True, default=False, wrong=IGNORED,
        unnatural=("3", "true or false expected, found '3'"),
    ),
    "lm_near_duplicates": Sample(
        typed="0.8", natural="0.8", value=0.8, default=None,
        wrong=("2", "a number above 0, up to 1 expected, found '2'"),
        unnatural=("0", "a number above 0, up to 1 expected, found '0'"),
    ),
    "lm_orphans": Sample(
        typed="keep", natural='"keep"', value=True, default=False,
        wrong=("all", "one of remove, keep expected, found 'all'"),
        unnatural=("true", "one of remove, keep expected, found 'true'"),
    ),
    "lm_family": Sample(
        typed="true", natural="true", value=True, default=False, wrong=IGNORED,
        unnatural=('"perhaps"', "true or false expected, found 'perhaps'"),
    ),
    "lm_early_stop": Sample(
        typed="yes", natural='"yes"', value=True, default=False, wrong=IGNORED,
        unnatural=("2", "true or false expected, found '2'"),
    ),
    "lm_resplit": Sample(
        typed="3", value=3, default=None, wrong=("x", "a whole number expected, found 'x'")
    ),
    "lm_budget": Sample(
        typed="usd:2.5,calls:5", natural='["usd:2.5", "calls:5"]',
        value=Budget(usd=2.5, calls=5), default=None,
        wrong=("euro:5", "limits such as usd:2,calls:5000 expected, of calls, tokens, usd, seconds"
               ": found 'euro:5'"),
        unnatural=("5", "limits such as usd:2,calls:5000 expected, of calls, tokens, usd, seconds"
                   ": found '5'"),
    ),
    "lm_ledger": Sample(typed="true", value=True, default=False, wrong=IGNORED),
    "lm_resume": Sample(
        typed="no", natural="false", value=False, default=True,
        wrong=("later", "true or false expected, found 'later'"),
        unnatural=("2", "true or false expected, found '2'"),
    ),
    "lm_prices": Sample(
        typed="own/a 1 2\nown/b 0.5 1", natural='["own/a 1 2", ["own/b", 0.5, 1]]',
        value={"own/a": Price(input=1, output=2), "own/b": Price(input=0.5, output=1)}, default={},
        wrong=("own/a 1", "MODEL INPUT OUTPUT expected, dollars per million tokens, found 'own/a"),
        unnatural=('"own/a x"', "MODEL INPUT OUTPUT expected, dollars per million tokens, found "),
    ),
    "lm_key_ignore": Sample(
        typed="messages.*.name\nextra", natural='["messages.*.name", "extra"]',
        value=("messages.*.name", "extra"), default=(),
        wrong=("a..b", "expected a path such as 'messages.*.name', found 'a..b'"),
        unnatural=('"a..b"', "expected a path such as 'messages.*.name', found 'a..b'"),
    ),
    "lm_cache": Sample(
        typed="replay", natural='"replay"', value="replay", default="auto",
        wrong=("on", "one of auto, replay, refresh, off expected, found 'on'"),
        unnatural=("false", "one of auto, replay, refresh, off expected, found 'false'"),
    ),
    "lm_record": Sample(
        typed="records", natural='"records"', value="records", default=None,
        unnatural=("true", "text expected, found True"),
    ),
    "lm_cache_limit": Sample(
        typed="200MB", natural="200_000_000", value=200_000_000, default=500_000_000,
        wrong=("much", "a size such as 200MB expected, found 'much'"),
        unnatural=("true", "a size such as 200MB expected, found 'true'"),
    ),
    "lm_cache_prune": Sample(
        typed="1kB", value=1000, default=None,
        wrong=("tests", "a size such as 200MB expected, found 'tests'. If it is a path, put it"),
    ),
    "lm_intercept": Sample(
        typed="off: *.Example.com\noff: localhost:5432",
        natural='["off: *.Example.com", "off: localhost:5432"]',
        value=Interception(hosts=(("*.example.com", None), ("localhost", 5432))),
        default=None,
        wrong=("on", "'off', 'off: HOST' or 'off: HOST:PORT' expected, found 'on'"),
        unnatural=("false", "'off', 'off: HOST' or 'off: HOST:PORT' expected, found 'false'"),
    ),
    "lm_engine": Sample(
        typed="litellm", natural='"litellm"', value="litellm", default="auto",
        wrong=("ours", "one of auto, litellm expected, found 'ours'"),
        unnatural=("true", "one of auto, litellm expected, found 'true'"),
    ),
    "lm_concurrency": Sample(
        typed="3", natural="3", value=3, default=16,
        wrong=("many", "a positive whole number expected, found 'many'"),
        unnatural=("0", "a positive whole number expected, found '0'"),
    ),
    "lm_executor": Sample(
        typed="dask://h:1", natural='"dask://h:1"', value="tcp://h:1", default=None,
        wrong=("h:1", "dask://HOST:PORT or dask+tls://HOST:PORT expected, found 'h:1'"),
        unnatural=("8786", "dask://HOST:PORT or dask+tls://HOST:PORT expected, found '8786'"),
    ),
    "lm_timeout": Sample(
        typed="30", natural="30", value=30.0, default=120.0,
        wrong=("soon", "a positive number of seconds expected, found 'soon'"),
        unnatural=("0", "a positive number of seconds expected, found '0'"),
    ),
    "lm_example_timeout": Sample(
        typed="1.5", natural="1.5", value=1.5, default=None,
        wrong=("0", "a positive number of seconds expected, found '0'"),
        unnatural=("inf", "a positive number of seconds expected, found 'inf'"),
    ),
    "lm_seed": Sample(
        typed="5", natural="5", value=5, default=0,
        wrong=("x", "a whole number expected, found 'x'"),
        unnatural=("1.5", "a whole number expected, found '1.5'"),
    ),
    "lm_dry_run": Sample(typed="true", value=True, default=False, wrong=IGNORED),
    "lm_report": Sample(
        typed="json:a.json\ncsv:b.csv", natural='["json:a.json", "csv:b.csv"]',
        value=(("json", Path("a.json")), ("csv", Path("b.csv"))), default=(),
        wrong=("pdf:x", "KIND:PATH expected, of html, json, md, csv, found 'pdf:x'"),
        unnatural=("true", "KIND:PATH expected, of html, json, md, csv, found 'true'"),
    ),
    "lm_debug": Sample(typed="true", value=True, default=False, wrong=IGNORED),
    "lm_otel": Sample(
        typed="on", natural="true", value=True, default=False, wrong=IGNORED,
        unnatural=("[]", "true or false expected, found ''"),
    ),
}  # fmt: skip

FIELDS = {
    "lm_optimize": "strategy",
    "lm_snapshot_update": "accepting",
    "lm_inconclusive": "inconclusive_fails",
    "lm_orphans": "keep_orphans",
    "lm_cache_prune": "prune_to",
    "lm_report": "reports",
}
"""Fields of ``Options`` with a name of their own."""

CONFIGURED = {name: SAMPLES[name] for name, option in BY_NAME.items() if option.ini}
VALUES = {name: sample.value for name, sample in SAMPLES.items()}
DEFAULTS = {name: sample.default for name, sample in SAMPLES.items()}

Parse = Callable[..., pytest.Config]


@pytest.fixture
def parse(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Parse:
    """Reads a command line and the folder's configuration, with no other plugin than ours."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (pytester.path / "words").mkdir()
    return lambda *typed: pytester.parseconfig("-p", "pytest_lmopt.plugin.hooks", *typed)


def in_options(config: pytest.Config) -> dict[str, Any]:
    """The value of each option in force, paths relative to the root folder."""
    options, root = read_options(config), config.rootpath
    found: dict[str, Any] = {}
    for name, option in BY_NAME.items():
        field = FIELDS.get(name, name.removeprefix("lm_"))
        if option.marked:
            value = options.for_suite(field, None)
        elif name in ("lm_ledger", "lm_source"):  # one is not read, one holds in a search only
            value = in_force(config, option)
        else:
            value = getattr(options, field)
        found[name] = value.relative_to(root).as_posix() if isinstance(value, Path) else value
    found["lm_report"] = tuple((kind, path.relative_to(root)) for kind, path in options.reports)
    return found


def given(option: Option) -> list[str]:
    """Its sample on the command line."""
    sample = SAMPLES[option.name]
    if option.switch:
        return [option.flag if sample.value else option.off_flags[-1]]
    return [f"{option.flag}={each}" for each in sample.typed.splitlines()]


def taken_back(option: Option) -> str:
    """The form of an option that gives back its default, as help and README say."""
    if option.switch:
        return option.flag if option.default == "true" else option.off_flags[0]
    return f"{option.flag}={option.default}"


def all_given() -> list[str]:
    """All samples on the command line."""
    return [each for option in OPTIONS for each in given(option)]


def write(folder: Path, file: str) -> None:
    """A configuration with all samples; quoted text where TOML would have another type."""
    head, kind = TABLES[file]
    lines = []
    for name, sample in CONFIGURED.items():
        quoted = f'"""{sample.typed}"""'
        text = sample.typed.replace("\n", "\n  ")
        lines.append(
            f"{name} = { {'text': text, 'natural': sample.natural, 'quoted': quoted}[kind] }"
        )
    (folder / Path(file).name).write_text("\n".join([head, *lines, ""]))


TABLES = {
    "tox.ini": ("[pytest]", "text"),
    "pyproject.toml": ("[tool.pytest.ini_options]", "natural"),
    "pytest.toml": ("[pytest]", "natural"),
    "own/pyproject.toml": ("[tool.pytest]", "natural"),
    "quoted/pyproject.toml": ("[tool.pytest]", "quoted"),
}
OWN_TYPES = int(pytest.__version__.partition(".")[0]) >= 9
"""Whether this pytest has tables in TOML's own types."""


def test_every_option_has_a_sample_that_is_not_its_default() -> None:
    """In the order of the table; those for one run only have no ini value."""
    assert list(SAMPLES) == [option.name for option in OPTIONS]
    assert [name for name in SAMPLES if VALUES[name] == DEFAULTS[name]] == []
    assert SAMPLES.keys() - CONFIGURED.keys() == {
        "lm_optimize", "lm_snapshot_update", "lm_resplit", "lm_ledger", "lm_cache_prune",
        "lm_dry_run", "lm_debug",
    }  # fmt: skip


def test_the_table_is_what_pytest_knows(pytestconfig: pytest.Config) -> None:
    """Options with all their forms, and ini values."""
    (group,) = (each for each in pytestconfig._parser._groups if each.name == "lmopt")
    flags = {flag for option in OPTIONS for flag in (option.flag, *option.off_flags)}
    assert {name for option in group.options for name in option.names()} == flags
    ours = {name for name in pytestconfig._parser._inidict if name.startswith("lm_")}
    assert ours == CONFIGURED.keys()


def test_nothing_given_leaves_the_defaults(parse: Parse) -> None:
    """No model is named then, and none is forbidden."""
    assert in_options(parse()) == {**DEFAULTS, "lm_model": None}


def test_the_command_line_gives_each_option(parse: Parse) -> None:
    """With ``=``."""
    assert in_options(parse(*all_given())) == VALUES


def test_an_option_without_its_value_means_one(parse: Parse) -> None:
    """A search by ``auto``, accepting, pruning to the limit."""
    bare = [option.flag for option in OPTIONS if option.bare is not None]
    found = in_options(parse(*bare))
    assert [found[name] for name in ("lm_optimize", "lm_snapshot_update", "lm_cache_prune")] == [
        "auto",
        True,
        500_000_000,
    ]


@pytest.mark.parametrize("file", TABLES)
def test_the_configuration_may_use_text_or_natural_types(
    parse: Parse, pytester: pytest.Pytester, file: str
) -> None:
    """The command line has the last word, also for off, none and the default."""
    if not OWN_TYPES and file in ("pytest.toml", "own/pyproject.toml", "quoted/pyproject.toml"):
        pytest.skip("pytest 9 brought this table")
    write(pytester.path, file)
    assert in_options(parse()) == {name: (VALUES if name in CONFIGURED else DEFAULTS)[name]
                                   for name in SAMPLES}  # fmt: skip
    assert in_options(parse(*map(taken_back, OPTIONS))) == DEFAULTS


def test_pytests_own_option_overrides_the_configuration(parse: Parse) -> None:
    """``-o`` gives text."""
    typed = [f"-o{name}={sample.typed}" for name, sample in CONFIGURED.items()]
    found = in_options(parse(*typed))
    assert {name: found[name] for name in CONFIGURED} == {name: VALUES[name] for name in CONFIGURED}


def test_an_option_in_addopts_can_be_taken_back(parse: Parse, pytester: pytest.Pytester) -> None:
    """By typing another form of it after those in ``addopts``."""
    (pytester.path / "tox.ini").write_text(f"[pytest]\naddopts = {shlex.join(all_given())}\n")
    assert in_options(parse()) == VALUES
    assert in_options(parse(*map(taken_back, OPTIONS))) == DEFAULTS


def test_the_command_line_replaces_a_list_of_the_configuration(
    parse: Parse, pytester: pytest.Pytester
) -> None:
    """``none`` forgets only what comes before it; ini files end with the root folder."""
    write(pytester.path, "tox.ini")
    found = read_options(parse("--lm-report=md:x", "--lm-report=none", "--lm-report=html:lm.html"))
    assert found.reports == (("html", pytester.path / "lm.html"),)
    assert list(read_options(parse("--lm-prices=own/c 1 1")).prices) == ["own/c"]


@pytest.mark.skipif(not OWN_TYPES, reason="pytest 9 brought this table")
def test_a_budget_may_be_a_table(parse: Parse, pytester: pytest.Pytester) -> None:
    """TOML's own form for names with numbers."""
    (pytester.path / "pytest.toml").write_text("[pytest]\nlm_budget = {usd = 2.5, calls = 5}\n")
    assert read_options(parse()).budget == Budget(usd=2.5, calls=5)


def test_a_worker_of_a_cluster_takes_no_part_in_what_is_the_leaders(
    parse: Parse, pytester: pytest.Pytester
) -> None:
    """Whether the leader's command line or the configuration asks for it."""
    write(pytester.path, "tox.ini")
    config = parse("--lm-optimize=baseline", "--lm-snapshot-update")
    for name, value in NEUTRAL.items():
        if name.startswith("lm_"):
            setattr(config.option, name, value)
    options = read_options(config)
    asked = (options.strategy, options.accepting, options.recording, options.prune_to)
    assert asked == (None, False, False, None)
    assert (options.budget, options.executor, options.reports) == (None, None, ())
    assert options.cache == "off"


def test_the_environment_names_a_model_where_the_configuration_does_not(
    parse: Parse, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line wins over both, and empty text counts as nothing."""
    monkeypatch.setenv("LMOPT_MODEL", "env/model")
    assert read_options(parse()).model == "env/model"
    assert read_options(parse("--lm-model=none")).model == ""
    (pytester.path / "tox.ini").write_text("[pytest]\nlm_model = ini/model\n")
    assert read_options(parse("--lm-model=")).model == "ini/model"
    assert read_options(parse("-o", "lm_model=")).model == "env/model"


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.wrong])
def test_what_is_no_value_of_an_option_is_a_usage_error(
    name: str, pytestconfig: pytest.Config
) -> None:
    """It names the option, what is expected and what is found."""
    typed, problem = SAMPLES[name].wrong or ("", "")
    option = BY_NAME[name]
    with pytest.raises(pytest.UsageError) as raised:
        pytestconfig._parser.parse([f"{option.flag}={typed}"])
    named = "/".join([option.flag, *option.off_flags[:1]])
    assert f"error: argument {named}: {problem}" in str(raised.value)


@pytest.mark.skipif(not OWN_TYPES, reason="pytest 9 brought this table")
def test_what_is_no_value_of_a_setting_is_a_usage_error(
    parse: Parse, pytester: pytest.Pytester
) -> None:
    """It names the ini value, what is expected and what is found."""
    lines = [f"{name} = {sample.unnatural[0]}\n" for name, sample in CONFIGURED.items()]
    (pytester.path / "pytest.toml").write_text("".join(["[pytest]\n", *lines]))
    config = parse()
    for name, sample in CONFIGURED.items():
        with pytest.raises(pytest.UsageError) as raised:
            in_force(config, BY_NAME[name])
        assert str(raised.value).startswith(f"ini value {name}: {sample.unnatural[1]}")


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("--lm-optimize=magic", "--lm-optimize: unknown strategy 'magic'; expected one of auto, "),
        ("--lm-meta-prompts=nowhere", "--lm-meta-prompts: there is no folder "),
        ("--lm-record=..", "--lm-record: '..': a folder of its own inside "),
        ("--lm-report=csv:words", "--lm-report=csv:words: a file expected, but 'words' is "),
    ],
)  # fmt: skip
def test_what_only_the_project_shows_to_be_wrong_is_a_usage_error(
    parse: Parse, pytester: pytest.Pytester, typed: str, problem: str
) -> None:
    """It names the option, or the ini value that says the same."""
    with pytest.raises(pytest.UsageError) as raised:
        read_options(parse(typed))
    assert str(raised.value).startswith(problem)
    flag, _, value = typed.partition("=")
    name = flag[2:].replace("-", "_")
    if BY_NAME[name].ini:
        (pytester.path / "tox.ini").write_text(f"[pytest]\n{name} = {value}\n")
        with pytest.raises(pytest.UsageError) as raised:
            read_options(parse())
        assert str(raised.value).startswith(problem.replace(flag, f"ini value {name}", 1))


def test_help_shows_each_option_with_its_default(parse: Parse) -> None:
    """As the word that takes the option back."""
    shown = "".join(parse()._parser.optparser.format_help().split())
    missing = [each.name for each in OPTIONS if "".join(each.description.split()) not in shown]
    assert missing == []


@pytest.mark.parametrize(
    "path", ["messages", "messages.*", "messages.0.content", "input", "system", "*", "tools.*"]
)
def test_what_is_said_stays_in_the_key(path: str) -> None:
    """Else requests that say different things would share an answer; parts of a field may go."""
    with pytest.raises(argparse.ArgumentTypeError, match="to what a request does not say"):
        key_path(path)
    assert key_path("messages.*.name") == ["messages.*.name"]
    assert key_path("metadata.*") == ["metadata.*"]
