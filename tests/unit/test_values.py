"""What counts as missing, and the text, number and answers that a value stands for."""

from __future__ import annotations

import ast
import math
import time
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from doubles.package_sources import nodes, trees
from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt.suites.values import (
    accepted_answers,
    comparable_text,
    fraction_in,
    group_name,
    is_close,
    is_equal,
    is_missing,
    number_in,
    text_in,
)


class Team(Enum):
    """Labels that are no texts of their own."""

    FIN = "fin"


class Spoken:
    """A class whose author wrote its text."""

    def __str__(self) -> str:
        return "said 5"


@pytest.mark.parametrize(
    "value",
    [
        None, math.nan, Decimal("nan"), Decimal("sNaN"), complex("nan"), pd.NA, pd.NaT, np.nan,
        np.float32("nan"), np.datetime64("NaT"), np.timedelta64("NaT"), np.array(np.nan),
        np.array(None), np.ma.masked,
    ],
)  # fmt: skip
def test_markers_of_all_libraries_are_missing(value: object) -> None:
    """No text, no number, no answer, no group; and all are the same."""
    assert is_missing(value)
    assert (text_in(value), number_in(value), group_name(value)) == (None, None, None)
    assert accepted_answers(value) == accepted_answers([value]) == ()
    assert is_equal(value, None)
    assert not is_equal(value, 0)


@pytest.mark.parametrize(
    "value",
    ["", "nan", "None", 0, False, [], {}, [None], Decimal(0), math.inf, np.array([np.nan]),
     np.int64(0), np.bool_(False), pd.Series([1]), pd.Timestamp(0), np.timedelta64(1, "s")],
)  # fmt: skip
def test_what_is_there_is_not_missing(value: object) -> None:
    """Empty, false and text are values."""
    assert not is_missing(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"), (5, "5"), (0.5, "0.5"), (True, "True"), (np.str_("a"), "a"), (Team.FIN, "fin"),
        (np.int64(5), "5"), (Decimal("1.50"), "1.50"), (date(2024, 1, 2), "2024-01-02"),
        (Path("a/b"), "a/b"), (Spoken(), "said 5"), (np.array("a"), "a"),
        (["a"], None), ({"a": 1}, None), (("a",), None), ({"a"}, None), (object(), None),
        (np.array(["a"]), None), (pd.Series(["a"]), None), (ValueError("a"), None), (b"a", None),
    ],
)  # fmt: skip
def test_texts(value: object, text: str | None) -> None:
    """How Python shows a list, a mapping or an object is not its text."""
    assert text_in(value) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 000", "1000"), ("1\u00a0000", "1000"), ("1\u202f000,5", "1000.5"), ("1_000", "1000"),
        ("12 345 678.9", "12345678.9"), ("1 0000", "1"), ("2020 100", "2020"), ("0 500", "0"),
        ("1'234.50", "1234.5"), ("1’234’567", "1234567"), ("1,234", "1234"),
        ("1,234,567.89", "1234567.89"), ("1.234,50", "1234.5"), ("1.234.567", "1234567"),
        ("1.234.567,8", "1234567.8"), ("1.234", "1.234"), ("3,14", "3.14"), ("0,125", "0.125"),
        ("1234,567", "1234.567"), ("1,2,3", "1"), ("1,000,2", "1"), ("12,34,567", "12"),
        ("1, 2", "1"), ("5,000, or so", "5000"), ("3.11.7", "3.11"), ("5.", "5"), (".5", "0.5"),
        ("–5", "-5"), ("−5 °C", "-5"), ("-$1,234.50", "-1234.5"), ("$-5", "-5"), ("+5", "5"),
        ("(-5)", "-5"), ("GPT-4", "4"), ("GPT–4", "4"), ("5-3", "5"), ("pages 3–5", "3"),
        ("f(x)-1", "1"), ("No.5", "5"), ("1e-3", "0.001"), ("1.5E3 x", "1500"),
        ("2e−2", "0.02"), ("1e400", "1e400"), ("1e999999999", "1e999999999"),
        ("1e" + "9" * 30, "Infinity"), ("-1e" + "9" * 30, "-Infinity"), ("1e-" + "9" * 30, "0"),
        ("0e" + "9" * 30, "0"), ("inf", "Infinity"), ("-Infinity", "-Infinity"), ("∞", "Infinity"),
        ("١٢", "12"), ("about inf", None), ("nan", None), ("", None), ("forty", None), ("²", None),
    ],
)  # fmt: skip
def test_numbers_in_texts(text: str, number: str | None) -> None:
    """Groups of three by one sign, a decimal point or comma, and signs that belong to numbers."""
    found = number_in(f"{text}")
    assert found == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (math.factorial(200), Fraction(math.factorial(200))), (0.1, Fraction(1, 10)),
        (np.float32(0.1), Fraction(1, 10)), (np.array(2), 2), (Fraction(1, 3), Fraction(1, 3)),
        (Decimal("0.10"), Fraction(1, 10)), (np.int64(3), 3), (Spoken(), 5),
        (True, None), (np.bool_(True), None), (1j, None), ([1], None), (np.array([1]), None),
        ({"a": 1}, None), (date(2024, 1, 2), None), (np.timedelta64(1, "s"), None),
    ],
)  # fmt: skip
def test_numbers(value: object, number: object) -> None:
    """Exact; a float is the decimal that it was written as."""
    assert number_in(value) == number


@pytest.mark.parametrize(
    ("text", "fraction"),
    [("1/2", "1/2"), ("is 3 / 4.", "3/4"), ("-1/2", "-1/2"), ("1/2/2024", None), ("1/0", None),
     ("5", None), ("and/or", None)],
)  # fmt: skip
def test_fractions_in_texts(text: str, fraction: str | None) -> None:
    """A date has two slashes, and nothing is divided by 0."""
    assert fraction_in(text) == (None if fraction is None else Fraction(fraction))


@pytest.mark.parametrize(
    "text",
    ["9" * 10**5, "1," * 10**5, "1,000" * 10**4, "1.000" * 10**4, "1 000 " * 10**4, "-" * 10**5,
     "1e" + "9" * 10**5, "." * 10**5, "1/" + "9" * 10**5],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """Whatever a model repeats until it is stopped; measured in CPU seconds of this thread."""
    began = time.thread_time()
    found = number_in(text)
    fraction_in(text)
    if found is not None:
        is_close(found, Decimal(1), relative=1e-6, absolute=0.0)
    assert time.thread_time() - began < 1.0


@given(st.fractions(), st.decimals(-(10**9), 10**9, places=6), st.sampled_from([0.0, 0.1, 1e-6]))
def test_closeness_is_exact(found: Fraction, wanted: Decimal, tolerance: float) -> None:
    """As a comparison of fractions says, with tolerances as they were written."""
    share = Fraction(str(tolerance))
    distance, size = abs(found - Fraction(wanted)), abs(Fraction(wanted))
    assert is_close(found, wanted, relative=0.0, absolute=tolerance) == (distance <= share)
    assert is_close(found, wanted, relative=tolerance, absolute=0.0) == (distance <= share * size)


@given(st.integers(min_value=1000, max_value=10**15), st.sampled_from(" '_,\u00a0\u202f’"))
def test_grouped_digits_are_read_back(number: int, mark: str) -> None:
    """By each sign that groups thousands, wherever the number stands."""
    assert number_in(f"It is {number:,}.".replace(",", mark)) == number
    assert number_in(f"-{number:,}".replace(",", mark)) == -number


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True), (1, np.float64(1), True), (True, np.bool_(True), True), (True, 1, False),
        ("True", True, False), ("1", 1, False), ([1, 2], (1, 2), True), ([1], [1, 2], False),
        (np.array([1, 2]), [1, 2], True), (np.array([1, 2]), np.array([1, 3]), False),
        ([np.array([1])], [[1]], True), ({"a": [True]}, {"a": [1]}, False),
        ("ab", ["a", "b"], False),
        ({"a": 1}, {"a": 1.0}, True), ({"a": 1}, {"b": 1}, False), ({1, 2}, {2, 1}, True),
        ([None], [math.nan], True), (2**53 + 1, 2.0**53, False),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}), True),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]}), False),
    ],
)  # fmt: skip
def test_equality(one: Any, other: Any, same: bool) -> None:
    """Of values and their members; a bool is not a number."""
    assert is_equal(one, other) is same
    assert is_equal(other, one) is same


@pytest.mark.parametrize(
    ("value", "name"),
    [(1, "1"), ("1", "1"), (1.0, "1"), (np.int64(1), "1"), (Decimal("1.0"), "1"), (1.5, "1.5"),
     (" g ", "g"), ("", None), (" \t", None), (True, "True"), (date(2024, 1, 2), "2024-01-02"),
     ("01", "01"), (Team.FIN, "fin")],
)  # fmt: skip
def test_names_of_groups(value: object, name: str | None) -> None:
    """A whole number is one group, in whichever type a library reads it."""
    assert group_name(value) == name


@pytest.mark.parametrize("value", [["a"], {"a": 1}, object(), ("a", 1)])
def test_a_group_has_a_text(value: object) -> None:
    """An address or the order of a set would make other groups in each process."""
    with pytest.raises(ValueError, match="a text or a number expected"):
        group_name(value)


def test_comparable_text_is_stable() -> None:
    """Normalising twice changes nothing."""
    for text in (
        "Stra\u00dfe",
        "  Caf\u0065\u0301\u200b ",
        "\u0130x",
        "e\u200b\u0301",
        "\u03a3\u03c2",
    ):
        assert comparable_text(comparable_text(text)) == comparable_text(text)


USERS = {
    "metrics/builtin.py", "metrics/judge.py", "metrics/score.py", "suites/dataset.py",
    "suites/clusters.py", "suites/content.py", "suites/matching.py", "suites/spreadsheet.py",
}  # fmt: skip
OWN_RULES = {"float", "str", "int", "Decimal", "isnan"}
ALLOWED = {
    ("metrics/judge.py", "float"),  # of the number that values found
    ("metrics/judge.py", "str"),  # of the model's answer, which is text
    ("metrics/builtin.py", "float"),  # of a comparison
    ("suites/dataset.py", "float"),  # of a JSON number, which is refused if it does not fit
    ("suites/dataset.py", "str"),  # of ids and messages
    ("suites/content.py", "int"),  # of a whole number of any type, for its digest
    ("suites/content.py", "str"),  # of types, dates and zones, for a digest
    ("suites/clusters.py", "str"),  # of a number, as one of a row's words
    ("suites/matching.py", "str"),  # of what a prompt's output says
    ("suites/spreadsheet.py", "str"),
}


def test_one_module_decides_what_values_are() -> None:
    """All that read or score values ask it, and none of them converts a value by itself."""
    found: set[str] = set()
    own: set[tuple[str, str]] = set()
    for name in trees():
        if name.partition("/")[0] not in ("metrics", "suites"):
            continue
        for node in nodes(name):
            if isinstance(node, ast.ImportFrom) and node.module == "pytest_lmopt.suites.values":
                found.add(name)
            called = node.func if isinstance(node, ast.Call) else None
            label = getattr(called, "id", getattr(called, "attr", ""))
            if name in USERS and label in OWN_RULES:
                own.add((name, label))
    assert found == USERS
    assert own <= ALLOWED
