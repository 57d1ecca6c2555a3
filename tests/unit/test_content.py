"""The content of their values identifies rows in every process; others are refused."""

from __future__ import annotations

import array
import copy
import io
import os
import threading
import types
from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pandas as pd
import pydantic
import pytest
from PIL import Image

from pytest_lmopt.canonical import canonical_json, digest
from pytest_lmopt.errors import DatasetError
from pytest_lmopt.suites.content import row_digest
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Example


@dataclass(frozen=True)
class Page:
    """Text with a part that its ``repr`` leaves out."""

    title: str
    body: str = field(default="", repr=False, compare=False)


@attrs.define
class Card:
    """A class of attrs with slots."""

    text: str
    hidden: str = attrs.field(default="", repr=False)


class Ticket(pydantic.BaseModel):
    """A model with a field that it leaves out of its dumps."""

    text: str
    secret: str = pydantic.Field(default="", exclude=True, repr=False)
    _note: str = pydantic.PrivateAttr(default="")

    @cached_property
    def length(self) -> int:
        """Kept in the instance once it was asked for."""
        return len(self.text)


class Team(Enum):
    """Labels."""

    FIN = "fin"
    OPS = "ops"


class Level(IntEnum):
    """Numbers with names."""

    LOW = 1


class Word(StrEnum):
    """Texts with names."""

    FIN = "fin"


class Tagged(str):
    """A text with an attribute."""

    tag: str


class Keeper:
    """A class that says what its copies are made of."""

    def __init__(self, text: str) -> None:
        self.text, self.lock = text, threading.Lock()

    def __getstate__(self) -> dict[str, str]:
        return {"text": self.text}


class Liar:
    """A plain class whose ``repr`` hides what it holds."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "Liar()"


class Plain:
    """A plain class, which Python shows by its address."""

    def __init__(self, text: str) -> None:
        self.text = text


Pair = namedtuple("Pair", "left right")


def tagged(text: str, tag: str) -> Tagged:
    """A text with this attribute."""
    found = Tagged(text)
    found.tag = tag
    return found


def zeros(one: int) -> Any:
    """A long array of zeros with a single 1, which its ``repr`` leaves out."""
    found = np.zeros(2000)
    found[one] = 1
    return found


def noted(text: str, note: str) -> Ticket:
    """A model with a private attribute."""
    ticket = Ticket(text=text)
    ticket._note = note
    return ticket


def image(colour: int, mode: str = "L") -> Any:
    """A small picture of one colour."""
    return Image.new(mode, (4, 4), colour)


def palette(first: int) -> Any:
    """A picture whose pixels are numbers of colours."""
    found = Image.new("P", (2, 2), 0)
    found.putpalette([first, 0, 0])
    return found


DIFFERENT: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
    (lambda: [1], lambda: (1,)),
    (lambda: (1, 2), lambda: (2, 1)),
    (lambda: 1, lambda: 1.0),
    (lambda: 1, lambda: True),
    (lambda: 1, lambda: "1"),
    (lambda: {"1": 2}, lambda: {1: 2}),
    (lambda: {"a", "b"}, lambda: {"a", "c"}),
    (lambda: {"a"}, lambda: ["a"]),
    (lambda: {1}, lambda: {"1"}),
    (lambda: ["set", 1], lambda: {1}),
    (lambda: {"content": ["bytes", 0]}, lambda: b""),
    (lambda: b"a", lambda: b"b"),
    (lambda: bytearray(b"a"), lambda: b"a"),
    (lambda: date(2024, 1, 2), lambda: date(2024, 2, 1)),
    (lambda: date(2024, 1, 2), lambda: datetime(2024, 1, 2)),
    (lambda: datetime(2024, 1, 2, tzinfo=UTC), lambda: datetime(2024, 1, 2)),
    (
        lambda: datetime(2024, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")),
        lambda: datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=1))),
    ),
    (lambda: time(1), lambda: time(2)),
    (lambda: timedelta(1), lambda: timedelta(2)),
    (lambda: Decimal("0.1"), lambda: Decimal("0.2")),
    (lambda: Decimal("0.1"), lambda: 0.1),
    (lambda: Fraction(1, 3), lambda: Fraction(2, 3)),
    (lambda: UUID(int=1), lambda: UUID(int=2)),
    (lambda: Path("a"), lambda: Path("b")),
    (lambda: Path("a"), lambda: "a"),
    (lambda: Team.FIN, lambda: Team.OPS),
    (lambda: Team.FIN, lambda: "fin"),
    (lambda: Level.LOW, lambda: 1),
    (lambda: Word.FIN, lambda: "fin"),
    (lambda: Page("a"), lambda: Page("b")),
    (lambda: Page("a", "x"), lambda: Page("a", "y")),
    (lambda: Page("a"), lambda: Card("a")),
    (lambda: Card("a", "x"), lambda: Card("a", "y")),
    (lambda: Ticket(text="a"), lambda: Ticket(text="b")),
    (lambda: Ticket(text="a", secret="x"), lambda: Ticket(text="a", secret="y")),
    (lambda: noted("a", "x"), lambda: noted("a", "y")),
    (lambda: [{"deep": [Page("a")]}], lambda: [{"deep": [Page("b")]}]),
    (lambda: Pair(1, 2), lambda: Pair(1, 3)),
    (lambda: Pair(1, 2), lambda: (1, 2)),
    (lambda: tagged("a", "x"), lambda: tagged("a", "y")),
    (lambda: OrderedDict(a=1), lambda: OrderedDict(a=2)),
    (lambda: defaultdict(int, a=1), lambda: defaultdict(int, a=2)),
    (lambda: Counter("ab"), lambda: Counter("abb")),
    (lambda: deque([1]), lambda: deque([2])),
    (lambda: UserList([1]), lambda: UserList([2])),
    (lambda: UserDict(a=1), lambda: UserDict(a=2)),
    (lambda: types.MappingProxyType({"a": 1}), lambda: types.MappingProxyType({"a": 2})),
    (lambda: types.SimpleNamespace(a=1), lambda: types.SimpleNamespace(a=2)),
    (lambda: range(3), lambda: range(4)),
    (lambda: array.array("i", [1]), lambda: array.array("i", [2])),
    (lambda: ValueError("a"), lambda: ValueError("b")),
    (lambda: Keeper("a"), lambda: Keeper("b")),
    (lambda: complex(1, 2), lambda: complex(1, 3)),
    (lambda: zeros(1000), lambda: zeros(1001)),
    (lambda: np.zeros((2, 3)), lambda: np.zeros((3, 2))),
    (lambda: np.zeros(3), lambda: np.zeros(3, dtype=np.float32)),
    (lambda: np.array([1, "a"], dtype=object), lambda: np.array([1, "b"], dtype=object)),
    (lambda: np.array(["a"]), lambda: np.array(["b"])),
    (lambda: np.float64(1.0), lambda: np.float64(2.0)),
    (lambda: np.float32(1.0), lambda: np.float64(1.0)),
    (lambda: np.int64(1), lambda: np.int64(2)),
    (lambda: np.str_("a"), lambda: np.str_("b")),
    (lambda: np.datetime64("2024-01-01"), lambda: np.datetime64("2024-01-02")),
    (
        lambda: np.ma.array([1, 2], mask=[False, True]),
        lambda: np.ma.array([1, 2], mask=[True, False]),
    ),
    (lambda: np.array([(1, 2.0)], dtype="i4,f8"), lambda: np.array([(1, 3.0)], dtype="i4,f8")),
    (lambda: pd.DataFrame({"a": zeros(1000)}), lambda: pd.DataFrame({"a": zeros(1001)})),
    (lambda: pd.DataFrame({"a": [1]}), lambda: pd.DataFrame({"b": [1]})),
    (lambda: pd.DataFrame({"a": [1]}), lambda: pd.DataFrame({"a": [1]}, index=[7])),
    (lambda: pd.DataFrame({"a": ["x"]}), lambda: pd.DataFrame({"a": ["y"]})),
    (lambda: pd.Series([1], name="a"), lambda: pd.Series([1], name="b")),
    (lambda: pd.Series(["a", None]), lambda: pd.Series(["a", "b"])),
    (
        lambda: pd.Series(pd.Categorical(["a"], categories=["a", "b"])),
        lambda: pd.Series(pd.Categorical(["a"], categories=["a", "c"])),
    ),
    (lambda: pd.Index([1]), lambda: pd.Index([2])),
    (lambda: pd.Timestamp("2024-01-01"), lambda: pd.Timestamp("2024-01-02")),
    (lambda: image(1), lambda: image(2)),
    (lambda: image(1), lambda: image(1, "I")),
    (lambda: palette(1), lambda: palette(2)),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_content_is_another_row(one: Callable[[], Any], other: Callable[[], Any]) -> None:
    """As input, as expected value and inside of others; the same content is the same row."""
    for place in (lambda value: value, lambda value: [{"in": [value]}]):
        digests = [row_digest({"q": place(make())}, None) for make in (one, one, other)]
        assert digests[0] == digests[1] != digests[2]
        digests = [row_digest({"q": 1}, place(make())) for make in (one, one, other)]
        assert digests[0] == digests[1] != digests[2]


def test_a_copy_is_the_same_row() -> None:
    """Also one in another order of memory, or one that has remembered what it was asked."""
    kept = Ticket(text="abc")
    before = row_digest({"q": kept}, None)
    assert kept.length == 3
    assert row_digest({"q": kept}, None) == before == row_digest({"q": copy.deepcopy(kept)}, None)

    rows = np.arange(6).reshape(2, 3)
    assert row_digest({"q": rows}, None) == row_digest({"q": np.asfortranarray(rows)}, None)


def test_plain_rows_keep_their_digest() -> None:
    """That of their JSON, which stands in committed snapshots and names rows without ids."""
    inputs: dict[str, object] = {"text": "café", "n": [1, 2.5, None, True, {"b": 1, "a": ""}]}
    assert row_digest(inputs, "x") == digest([inputs, "x"])
    assert row_digest({"text": "hi"}, None)[:12] == "728f0e03b7b4"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), "object"),
        (Plain("x"), "test_content.Plain"),
        (Liar("x"), "test_content.Liar"),
        (len, "builtin_function_or_method"),
        (lambda: 1, "function"),
        ("".join, "builtin_function_or_method"),
        (partial(print, 1), "builtin_function_or_method"),
        (Plain, "type"),
        (os, "module"),
        (threading.Lock(), "_thread.lock"),
        ((n for n in (1, 2)), "generator"),
        (iter([1]), "list_iterator"),
        (map(str, [1]), "map"),
        (io.StringIO("x"), "_io.StringIO"),
        (io.TextIOWrapper(io.BytesIO()), "_io.TextIOWrapper"),
        (Page(title=Plain("x")), "test_content.Plain"),  # type: ignore[arg-type]  # on purpose
        (np.array([Plain("x")]), "test_content.Plain"),
        ({Plain("x")}, "test_content.Plain"),
    ],
)
def test_what_has_no_content_is_refused(value: object, kind: str) -> None:
    """In one line that names row, field and type, when the dataset is read."""
    for row in ({"inputs": {"q": 1, "page": [value]}}, {"inputs": {"q": 1}, "expected": value}):
        rows: list[dict[str, Any]] = [{"inputs": {"q": 0}}, {"id": "r2", **row}]
        with pytest.raises(DatasetError) as caught:
            load_dataset(rows, beside=Path())
        message = str(caught.value)
        place = "inputs.page[0]" if "expected" not in row else "expected"
        assert message.startswith(f"dataset from a list: row 2: {place}")
        assert f"a value with content expected, found an object of type {kind}. " in message
        assert "\n" not in message
        with pytest.raises(DatasetError, match="a value with content expected"):
            load_dataset([Example(**rows[1])], beside=Path())


def test_what_holds_itself_is_refused() -> None:
    """However deep it is looked through."""
    node = types.SimpleNamespace()
    node.next = node
    with pytest.raises(DatasetError, match="over 64 levels inside each other"):
        load_dataset([{"inputs": {"q": node}}], beside=Path())


def test_a_digest_is_computed_once() -> None:
    """A pipeline that changes what it is given does not make another row of it."""
    row: dict[str, Any] = {"inputs": {"q": [1]}, "expected": Page("a")}
    example = load_dataset([row], beside=Path()).examples[0]
    before = example.digest
    assert example.id == before[:12]
    example.inputs["q"].append(2)
    assert (example.digest, copy.deepcopy(example).digest) == (before, before)


def test_keys_of_requests_hold_what_json_holds() -> None:
    """A ``repr`` does not stand for another value: it is refused."""
    for value in (zeros(10), b"x", Liar("x")):
        with pytest.raises(TypeError, match="a value that JSON holds expected, found"):
            canonical_json({"q": value})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"q": "Caf\u00e9  au lait"}, {"q": " cafe\u0301 au\u00a0lait\n"}, True),
        ({"q": "hi"}, {"q": "HI\u200b"}, True),
        ({"q": Page("Hi")}, {"q": Page("hi")}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"q": "hi"}, {"q": "hi!"}, False),
        ({"q": "1"}, {"q": 1}, False),
        ({"q": "hi"}, {"r": "hi"}, False),
        ({"q": zeros(1000)}, {"q": zeros(1001)}, False),
    ],
)
def test_inputs_are_compared_by_normalised_texts(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    """Whatever id, group and expected value are; rows with equal inputs belong together."""
    left = Example(id="a", inputs=one, expected=1, group="g")
    right = Example(id="b", inputs=other, expected=2)
    assert (left.input_digest == right.input_digest) is same
