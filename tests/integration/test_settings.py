"""Every setting, in each way it can be given: configuration in text or TOML's own types, option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt.lm.money.prices import Price
from pytest_lmopt.plugin.session import LmSession, session_key

SUITE = """\
import pytest
ROWS = [{"inputs": {"word": f"w{i}"}, "expected": f"W{i}"} for i in range(40)]

@pytest.mark.lm_suite(dataset=ROWS)
def test_it(lm_example): pass
"""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value of the configuration: ``text`` and ``natural`` (TOML) mean ``value``.

    ``off`` is the option that gives back the ``default``, whatever the configuration says;
    ``wrong`` is a value in TOML that is refused with these words.
    """

    text: str
    natural: str
    value: Any
    off: str
    default: Any
    wrong: tuple[str, str]


SETTINGS = {
    "lm_model": Setting(
        text="openai/x", natural='"openai/x"', value="openai/x", off="--lm-model=none", default="",
        wrong=("5", "text expected, found 5"),
    ),
    "lm_accept": Setting(
        text="best", natural='"best"', value="best", off="--lm-accept=significant",
        default="significant", wrong=("true", "one of significant, best expected"),
    ),
    "lm_prefer": Setting(
        text="shorter", natural='"shorter"', value="shorter", off="--lm-prefer=better",
        default="better", wrong=("1.5", "one of better, shorter expected, found '1.5'"),
    ),
    "lm_proposer": Setting(
        text="openai/x", natural='"openai/x"', value="openai/x", off="--lm-proposer=none",
        default=None, wrong=("false", "text expected, found False"),
    ),
    "lm_meta_prompts": Setting(
        text="words", natural='"words"', value="words", off="--lm-meta-prompts=none", default=None,
        wrong=('["words"]', "text expected, found ['words']"),
    ),
    "lm_gate": Setting(
        text="off", natural='"off"', value="off", off="--lm-gate=regression", default="regression",
        wrong=("false", "one of regression, noninferior, off expected, found 'false'"),
    ),
    "lm_threshold": Setting(
        text="0.5", natural="0.5", value=0.5, off="--lm-threshold=none", default=None,
        wrong=("70", "a number from 0 to 1 expected, found '70'"),
    ),
    "lm_margin": Setting(
        text="0.02", natural="0.02", value=0.02, off="--lm-margin=0", default=0.0,
        wrong=("true", "a number from 0 to 1 expected, found 'true'"),
    ),
    "lm_inconclusive": Setting(
        text="fail", natural='"fail"', value=True, off="--lm-inconclusive=pass", default=False,
        wrong=("true", "one of pass, fail expected, found 'true'"),
    ),
    "lm_family": Setting(
        text="true", natural="true", value=True, off="--no-lm-family", default=False,
        wrong=('"perhaps"', "true or false expected, found 'perhaps'"),
    ),
    "lm_early_stop": Setting(
        text="yes", natural='"yes"', value=True, off="--no-lm-early-stop", default=False,
        wrong=("2", "true or false expected, found '2'"),
    ),
    "lm_require_baseline": Setting(
        text="true", natural="true", value=True, off="--no-lm-require-baseline", default=False,
        wrong=("3", "true or false expected, found '3'"),
    ),
    "lm_near_duplicates": Setting(
        text="0.8", natural="0.8", value=0.8, off="--lm-near-duplicates=none", default=None,
        wrong=("0", "a number above 0, up to 1 expected, found '0'"),
    ),
    "lm_orphans": Setting(
        text="keep", natural='"keep"', value=True, off="--lm-orphans=remove", default=False,
        wrong=("true", "one of remove, keep expected, found 'true'"),
    ),
    "lm_concurrency": Setting(
        text="3", natural="3", value=3, off="--lm-concurrency=16", default=16,
        wrong=("0", "a positive whole number expected, found '0'"),
    ),
    "lm_prices": Setting(
        text="\n  own/a 1 2\n  own/b 0.5 1", natural='["own/a 1 2", ["own/b", 0.5, 1]]',
        value={"own/a": Price(input=1, output=2), "own/b": Price(input=0.5, output=1)},
        off="--lm-prices=none", default={},
        wrong=('"own/a 1"', "MODEL INPUT OUTPUT expected"),
    ),
    "lm_timeout": Setting(
        text="30", natural="30", value=30.0, off="--lm-timeout=120", default=120.0,
        wrong=("0", "a positive number of seconds expected, found '0'"),
    ),
    "lm_example_timeout": Setting(
        text="1.5", natural="1.5", value=1.5, off="--lm-example-timeout=none", default=None,
        wrong=("inf", "a positive number of seconds expected, found 'inf'"),
    ),
    "lm_record": Setting(
        text="records", natural='"records"', value="records", off="--lm-record=none", default=None,
        wrong=("true", "text expected, found True"),
    ),
    "lm_cache_limit": Setting(
        text="200MB", natural="200_000_000", value=200_000_000, off="--lm-cache-limit=500MB",
        default=500_000_000, wrong=("true", "a size such as 200MB expected, found 'true'"),
    ),
    "lm_otel": Setting(
        text="on", natural="true", value=True, off="--no-lm-otel", default=False,
        wrong=("[]", "true or false expected, found ''"),
    ),
}  # fmt: skip


class Catcher:
    """Looks at a session once its suites are collected."""

    session: LmSession

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take it, and run nothing."""
        self.session = session.config.stash[session_key]
        return True


def in_force(pytester: pytest.Pytester, name: str, *options: str) -> Any:
    """The value of a setting in a session: of its suite where suites have it."""
    pytester.makepyfile(test_it=SUITE)
    (pytester.path / "words").mkdir(exist_ok=True)
    catcher = Catcher()
    result = pytester.inline_run(*options, "-p", "no:cacheprovider", plugins=[catcher])
    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    field = name.removeprefix("lm_")
    if field in ("gate", "require_baseline"):
        return getattr(catcher.session.suites["test_it.py::test_it"], field)
    if field == "near_duplicates":
        found = catcher.session.options
        given = found.near_duplicates or found.defaults.near_duplicates
        return None if given == "none" else given
    if field in ("threshold", "margin"):
        return getattr(catcher.session.suites["test_it.py::test_it"].suite, field)
    names = {"inconclusive": "inconclusive_fails", "orphans": "keep_orphans"}
    field = names.get(field, field)
    value = getattr(catcher.session.options, field)
    return value.relative_to(pytester.path).as_posix() if isinstance(value, Path) else value


def test_each_value_has_an_option_that_sets_it(pytestconfig: pytest.Config) -> None:
    """Each value has an option of its name, and a line in the table above."""
    values = {name for name in pytestconfig._parser._inidict if name.startswith("lm_")}
    assert values == SETTINGS.keys()
    (group,) = (each for each in pytestconfig._parser._groups if each.name == "lmopt")
    assert values - {option.dest for option in group.options} == set()


TABLES = {
    "tox.ini": ("[pytest]", "text"),
    "pyproject.toml": ("[tool.pytest.ini_options]", "natural"),
    "pytest.toml": ("[pytest]", "natural"),
    "own/pyproject.toml": ("[tool.pytest]", "natural"),
    "quoted/pyproject.toml": ("[tool.pytest]", "quoted"),
}


def write(pytester: pytest.Pytester, file: str, name: str) -> None:
    """A configuration with one setting; text in quotes where TOML would have another type."""
    head, kind = TABLES[file]
    setting = SETTINGS[name]
    quoted = '"""' + setting.text.replace("\n  ", "\n") + '"""'
    value = {"text": setting.text, "natural": setting.natural, "quoted": quoted}[kind]
    (pytester.path / Path(file).name).write_text(f"{head}\n{name} = {value}\n")


def own_types() -> bool:
    """Whether this pytest has tables in TOML's own types."""
    return int(pytest.__version__.partition(".")[0]) >= 9


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("file", TABLES)
def test_the_configuration_may_use_text_or_natural_types(
    pytester: pytest.Pytester, file: str, name: str
) -> None:
    """And the option has the last word, also for off, none and the default."""
    if not own_types() and file in ("pytest.toml", "own/pyproject.toml", "quoted/pyproject.toml"):
        pytest.skip("pytest 9 brought this table")
    write(pytester, file, name)
    setting = SETTINGS[name]
    assert in_force(pytester, name) == setting.value
    assert in_force(pytester, name, setting.off) == setting.default


@pytest.mark.skipif(not own_types(), reason="pytest 9 brought this table")
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_no_value_of_a_setting_is_refused_in_a_line(
    pytester: pytest.Pytester, name: str
) -> None:
    """A usage error that names the setting, the value found and what is expected."""
    value, problem = SETTINGS[name].wrong
    (pytester.path / "pytest.toml").write_text(f"[pytest]\n{name} = {value}\n")
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (shown,) = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert shown.startswith(f"ERROR: ini value {name}: {problem}")


ALONE = {
    "--lm-optimize": (["--lm-optimize=baseline"], "--lm-optimize=none", "strategy", None),
    "--lm-source": (["--lm-no-source"], "--lm-source", "show_source", False),
    "--lm-resplit": (["--lm-resplit=3"], "--lm-resplit=none", "resplit", None),
    "--lm-resume": (["--lm-resume=no"], "--lm-resume=yes", "resume", True),
    "--lm-snapshot-update": (
        ["--lm-snapshot-update"], "--lm-snapshot-update=no", "accepting", False,
    ),
    "--lm-cache": (["--lm-cache=off"], "--lm-cache=auto", "cache", "auto"),
    "--lm-cache-prune": (["--lm-cache-prune"], "--lm-cache-prune=none", "prune_to", None),
    "--lm-executor": (["--lm-executor=dask://h:1"], "--lm-executor=none", "executor", None),
    "--lm-seed": (["--lm-seed=5"], "--lm-seed=0", "seed", 0),
    "--lm-budget": (["--lm-budget=calls:1"], "--lm-budget=none", "budget", None),
    "--lm-dry-run": (["--lm-dry-run"], "--no-lm-dry-run", "dry_run", False),
    "--lm-debug": (["--lm-debug"], "--no-lm-debug", "debug", False),
    "--lm-report": (["--lm-report=json:a"], "--lm-report=none", "reports", ()),
}  # fmt: skip
"""Options without a value in the configuration: they may stand in ``addopts``."""


@pytest.mark.parametrize(("given", "off", "field", "default"), ALONE.values(), ids=ALONE)
def test_an_option_of_the_configuration_can_be_taken_back(
    pytester: pytest.Pytester, given: Sequence[str], off: str, field: str, default: object
) -> None:
    """By typing another form of it after those in ``addopts``."""
    (pytester.path / "tox.ini").write_text(f"[pytest]\naddopts = {' '.join(given)}\n")
    assert in_force(pytester, f"lm_{field}", off) == default


def test_every_option_is_in_one_of_the_tables(pytestconfig: pytest.Config) -> None:
    """``--lm-ledger`` is not read with the others, and has its off form too."""
    (group,) = (each for each in pytestconfig._parser._groups if each.name == "lmopt")
    tested = set(SETTINGS) | {name[2:].replace("-", "_") for name in ALONE}
    assert {option.dest for option in group.options} - tested == {"lm_ledger"}
    pytestconfig._parser.parse(["--lm-ledger", "--no-lm-ledger"])


def test_the_mark_gives_way_to_an_option_that_says_none(pytester: pytest.Pytester) -> None:
    """A threshold of the mark does not count then."""
    suite = SUITE.replace("dataset=ROWS", "dataset=ROWS, threshold=0.9, margin=0.1, gate='off'")
    pytester.makepyfile(test_it=suite)
    catcher = Catcher()
    pytester.inline_run(
        "--lm-threshold=none", "--lm-margin=0", "--lm-gate=regression", plugins=[catcher]
    )
    marked = catcher.session.suites["test_it.py::test_it"]
    assert (marked.suite.threshold, marked.suite.margin, marked.gate) == (None, 0.0, "regression")
