"""A provider's word on usage is believed as far as it can be right."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from doubles.package_sources import modules_with

from pytest_lmopt.lm.money import prices
from pytest_lmopt.lm.money.prices import MOST_MICRO_USD, Price, give_prices, price
from pytest_lmopt.lm.money.usage import (
    DEFAULT_CONTEXT,
    DEFAULT_OUTPUT,
    Bound,
    Reported,
    as_reported,
    believed,
    bound_of,
    recorded_usage,
    usage_of,
)
from pytest_lmopt.wire import Completion, Message, Request, Usage

BIG = {"max_input_tokens": 128_000, "max_output_tokens": 16_384}


def request(**params: Any) -> Request:
    """A question of 4 bytes."""
    return Request(model="local", messages=(Message("user", "four"),), params=params)


ASKED = request(max_tokens=100)
BOUND = bound_of(ASKED)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What litellm's table says of the model."""
    table: dict[str, Any] = dict(BIG)
    monkeypatch.setattr(
        "pytest_lmopt.lm.money.usage.table_limits", lambda _: tuple(map(table.get, BIG))
    )
    return table


@pytest.mark.parametrize(
    ("into", "out"), [(1, 0), (0, 1), (20, 100), (21, 3), (128_000, 16_384), (5, 101)]
)
def test_what_the_model_can_take_is_charged_as_reported(
    table: dict[str, Any], into: int, out: int
) -> None:
    """Also above what was reserved, which is remarked on."""
    usage, remark = usage_of(ASKED, Reported(input=into, output=out, total=into + out))
    assert (usage.input_tokens, usage.output_tokens) == (into, out)
    assert (remark is None) == (into <= BOUND.input and out <= BOUND.output)
    assert remark is None or remark.kind == "above"


NOT_BELIEVED = [
    Reported(input=-1_000_000, output=5),
    Reported(input=5, output=-1),
    Reported(input=10**20, output=5),
    Reported(input=128_001, output=5),
    Reported(input=5, output=16_385),
    Reported(input=2**63, output=2**63),
    Reported(input=1.5, output=5),
    Reported(input=5.0, output=5),
    Reported(input=float("nan"), output=5),
    Reported(input=float("inf"), output=5),
    Reported(input=True, output=5),
    Reported(input="5", output=5),
    Reported(input=None, output=5),
    Reported(input=[5], output={}),
    Reported(input=0, output=0),
    Reported(input=5, output=5, total=11),
    Reported(input=5, output=5, total=-10),
    Reported(input=5, output=5, total="10"),
    Reported(input=5, output=5, cached=6),
    Reported(input=5, output=5, cached=-1),
    Reported(input=5, output=5, written=6),
    Reported(input=5, output=5, reasoning=6),
    Reported(input=5, output=5, reasoning=0.5),
    Reported(input=5, output=5, odd=("prompt_tokens '5'",)),
    Reported(input=10**5000, output=5),
]


@pytest.mark.parametrize("reported", NOT_BELIEVED, ids=range(len(NOT_BELIEVED)))
def test_what_can_not_be_right_is_charged_at_the_reserved_bound(
    table: dict[str, Any], reported: Reported
) -> None:
    """And remarked on, with what was found."""
    usage, remark = usage_of(ASKED, reported)
    assert (usage.input_tokens, usage.output_tokens) == BOUND == (20, 100)
    assert remark is not None
    assert (remark.kind, remark.reserved) == ("not believed", 120)
    assert remark.found
    assert len(remark.found) < 100


def test_a_provider_reports_what_its_cache_took_and_that_is_charged_as_such() -> None:
    """Of 1,000 tokens in, 600 at half the price: 400 x 0.15 and 600 x 0.075 millionths."""
    details = SimpleNamespace(cached_tokens=600, cache_creation_tokens=100)
    given = SimpleNamespace(prompt_tokens=1000, completion_tokens=0, prompt_tokens_details=details)
    reported = as_reported(given)
    assert (reported.cached, reported.written) == (600, 100)
    usage, _ = usage_of(replace(ASKED, model="openai/gpt-4o-mini"), reported)
    assert (usage.input_tokens, usage.micro_usd) == (1000, 105)


@pytest.mark.parametrize("missing", [{}, {"max_input_tokens": None, "max_output_tokens": "many"}])
def test_a_model_that_the_table_lacks_has_assumed_limits(
    table: dict[str, Any], missing: dict[str, Any]
) -> None:
    """They are large: no model is disbelieved for being new."""
    table.clear()
    table.update(missing)
    for into, out, kind in (
        (DEFAULT_CONTEXT, DEFAULT_OUTPUT, "above"),
        (DEFAULT_CONTEXT + 1, 1, "not believed"),
        (1, DEFAULT_OUTPUT + 1, "not believed"),
    ):
        _, remark = usage_of(ASKED, Reported(input=into, output=out))
        assert remark is not None
        assert remark.kind == kind


def test_several_answers_may_take_as_often_the_largest_output(table: dict[str, Any]) -> None:
    """``n`` answers of a client's call."""
    several = request(n=3)
    usage, _ = usage_of(several, Reported(input=1, output=3 * 16_384))
    assert usage.output_tokens == 3 * 16_384
    usage, _ = usage_of(several, Reported(input=1, output=3 * 16_384 + 1))
    assert usage.output_tokens == 3 * 1024


@pytest.mark.parametrize(
    ("params", "output"),
    [
        ({}, 1024),
        ({"max_tokens": None}, 1024),
        ({"max_tokens": 7}, 7),
        ({"max_tokens": 7.0}, 7),
        ({"max_tokens": "7"}, 7),
        ({"max_completion_tokens": 7, "n": 2}, 14),
        ({"max_tokens": 7, "n": "2"}, 14),
        ({"max_tokens": 7, "n": -2}, 7),
        ({"max_tokens": 7, "n": 10**30}, 7),
        *(({"max_tokens": odd}, 16_384) for odd in (-1, 0, 10**30, 1e999, "many", 7.5, True, [7])),
    ],
)
def test_the_reserved_bound_can_be_counted_whatever_is_asked_for(
    table: dict[str, Any], params: dict[str, Any], output: int
) -> None:
    """A negative limit would refill the budget."""
    assert bound_of(request(**params)) == Bound(20, output)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(calls=1, input_tokens=-5, output_tokens=1),
        Usage(calls=1, input_tokens=1, output_tokens=10**20),
        Usage(calls=1, input_tokens=1, output_tokens=1, micro_usd=-7),
        Usage(calls=1, input_tokens=1, output_tokens=1, micro_usd=10**30),
        Usage(calls=1, input_tokens=1, output_tokens=1, micro_usd=float("nan")),  # type: ignore[arg-type]  # what a test's own model may do
        Usage(calls=1, input_tokens=1.5, output_tokens=1),  # type: ignore[arg-type]  # the same
    ],
)
def test_a_model_of_the_tests_own_is_believed_no_further(usage: Usage) -> None:
    """It fills a ``Usage`` by itself."""
    completion = believed(ASKED, Completion(text="a", usage=usage))
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == BOUND
    assert completion.usage.micro_usd == 0
    assert completion.usage_remark is not None


def test_a_usage_that_can_be_right_stays_as_it_is() -> None:
    """As does one of nothing: a test's own model may count nothing."""
    for usage in (Usage(), Usage(calls=1, input_tokens=3, output_tokens=2, milliseconds=7)):
        completion = believed(ASKED, Completion(text="a", usage=usage))
        assert vars(completion.usage) == vars(usage)
        assert completion.usage_remark is None


@pytest.mark.parametrize("dollars", [-1.0, float("nan"), float("inf"), 1e20, None])
def test_a_price_is_finite_and_not_negative(
    monkeypatch: pytest.MonkeyPatch, dollars: float | None
) -> None:
    """Else there is none, and a limit in dollars can't be kept."""
    monkeypatch.setattr(prices, "table_price", lambda *_, **__: dollars)
    assert price("m", 10, 10) is None


def test_a_price_of_the_users_may_be_high_but_not_endless() -> None:
    """What it makes of any number of tokens fits into a book."""
    give_prices({"m": Price(input=999_999_999.0, output=0.0)})
    try:
        assert price("m", 10, 0) == 9_999_999_990
        assert price("m", 10**8, 0) is None
        assert price("m", MOST_MICRO_USD, 0) is None
    finally:
        give_prices({})


def test_usage_comes_from_one_module() -> None:
    """No other module makes one of figures that came from outside, or charges a call."""
    makers = modules_with(r"\bUsage\(\s*\w|\.prompt_tokens|\"prompt_tokens\"")
    assert makers == {
        "lm/money/usage.py",
        "lm/dialects/usage_figures.py",  # what a provider reports
        "lm/dialects/openai_rendering.py",  # what a client sees of our own engine's answers
        "lm/reported_usage.py",  # what litellm sees
        "lm/seam.py",  # a test's own model
        "wire.py",  # sums
    }
    reading = modules_with(r"\brecorded_usage\(")
    assert reading == {
        "lm/money/usage.py",
        "lm/recordings/answer.py",
        "lm/recordings/files.py",
        "blocks/plain.py",  # what other processes have run, perhaps on another machine
    }
    settling = modules_with(r"(\.settle|book\.end)\(\s*(number|grant\.number),")
    assert settling == {
        "lm/money/metered.py",
        "lm/money/ledger.py",
        "lm/money/allowances.py",
    }


@pytest.mark.parametrize("figure", [-1, 10**20, 1.5, float("nan"), True, "5", None, []])
def test_a_recorded_figure_that_can_not_be_counts_as_nothing(figure: object) -> None:
    """Its answer is paid for; the others stay."""
    usage = recorded_usage({"calls": 1, "input_tokens": figure, "output_tokens": 3})
    assert usage == Usage(calls=1, output_tokens=3)
    priced = recorded_usage({"calls": 1, "micro_usd": figure, "saved_micro_usd": figure})
    assert priced == Usage(calls=1, micro_usd=None)
