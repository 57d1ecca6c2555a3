"""Typed answers: known by their fields, whichever library their class is of."""

from __future__ import annotations

import json
import sys
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from types import SimpleNamespace
from typing import Any, NamedTuple, TypedDict

import attrs
import numpy as np
import pydantic
import pydantic.v1
import pytest

from pytest_lmopt.strategies.labels import Answering, label
from pytest_lmopt.suites.matching import ONLY, form_of, json_in, same
from pytest_lmopt.suites.prompt_state import OutputFormat, PromptState
from pytest_lmopt.suites.typed_values import fields_of, plain


class Team(Enum):
    """Names as the model says them, values as a database has them."""

    FIN = 1
    OPS = 2


class Level(StrEnum):
    """Values as the model says them."""

    HIGH = "high"
    LOW = "low"


class Modern(pydantic.BaseModel):
    """pydantic 2, one field under an alias."""

    sender: str = pydantic.Field(alias="from")
    subject: str


class Old(pydantic.v1.BaseModel):
    """pydantic 1."""

    sender: str
    subject: str


@dataclass(frozen=True)
class Data:
    """With a field the prompt knows nothing of."""

    sender: str
    subject: str
    number: int = 7
    notes: list[str] = field(default_factory=list)


@attrs.define
class Attrs:
    """With a private name."""

    _sender: str
    subject: str


class Named(NamedTuple):
    """Its fields have names."""

    sender: str
    subject: str


class Typed(TypedDict):
    """A mapping."""

    sender: str
    subject: str


class Slots:
    """No __dict__, and a slot that is never set."""

    __slots__ = ("_sender", "never", "subject")

    def __init__(self, sender: str, subject: str) -> None:
        self._sender, self.subject = sender, subject


class Plain:
    """What __init__ sets."""

    def __init__(self, sender: str, subject: str) -> None:
        self.sender, self.subject, self.itself = sender, subject, self

    def shout(self) -> str:
        """No field."""
        return self.sender.upper()


class Envelope(pydantic.BaseModel):
    """Holds the answer."""

    mail: Modern


def modern(sender: str, subject: str) -> Modern:
    """By its alias."""
    return Modern(**{"from": sender, "subject": subject})


MAKERS: dict[str, Any] = {
    "dict": lambda *given: dict(zip(("sender", "subject"), given, strict=True)),
    "camel": lambda *given: dict(zip(("Sender", "sub_ject"), given, strict=True)),
    "pydantic 2": modern,
    "pydantic 1": lambda *given: Old(sender=given[0], subject=given[1]),
    "dataclass": Data,
    "attrs": Attrs,
    "named tuple": Named,
    "old named tuple": namedtuple("Mail", "sender subject"),
    "typed dict": lambda *given: Typed(sender=given[0], subject=given[1]),
    "slots": Slots,
    "object": Plain,
    "namespace": lambda *given: SimpleNamespace(sender=given[0], subject=given[1]),
    "nested": lambda *given: Envelope(mail=modern(*given)),
    "list of one": lambda *given: [Data(*given)],
    "tuple of one named tuple": lambda *given: (Named(*given),),
    "json": lambda *given: json.dumps({"subject": given[1], "sender": given[0]}),
    "in order": lambda *given: given,
    "list in order": list,
}
del MAKERS["list in order"]
SAID = {"sender": "Ann", "subject": "Hello"}


@pytest.mark.parametrize("returned", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("wanted", MAKERS.values(), ids=MAKERS)
def test_every_kind_of_answer_labels_a_prompt_with_several_outputs(
    returned: Any, wanted: Any
) -> None:
    """Whatever kind the expected answer is of."""
    form = form_of(SAID, returned("Ann", "Hello"))
    assert form
    assert form_of(SAID, returned("Ann", "Bye")) == ""
    state = PromptState(
        instruction="x", inputs=("text",), outputs=("sender", "subject"), format="lines"
    )
    expected = wanted("Bob", "Bye")
    found = label(state, expected, Answering(key="k", form=form, seen={}))
    if wanted is MAKERS["in order"] and form.removeprefix(ONLY) != "order":
        assert found == {}, "a pair does not say which is which"
    else:
        assert found == {"sender": "Bob", "subject": "Bye"}


@pytest.mark.parametrize("returned", [make for name, make in MAKERS.items() if name != "in order"])
@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```", "Here it is: {}. Well?"])
def test_the_only_output_may_hold_the_answer_as_json(returned: Any, fence: str) -> None:
    """A label is JSON then, with the keys that the model uses."""
    text = fence.replace("{}", json.dumps({"subject": "Hello", "sender": "Ann"}))
    value = returned("Ann", "Hello")
    form = form_of({"answer": text}, value)
    if isinstance(value, str) and fence != "{}":
        return
    state = PromptState(instruction="x", inputs=("text",), outputs=("answer",))
    found = label(
        state, modern("Bob", "Bye"), Answering(key="k", form=form, seen={"answer": [text]})
    )
    assert json.loads(found["answer"]) == {"subject": "Bye", "sender": "Bob"}


@pytest.mark.parametrize(
    ("value", "said", "matches"),
    [
        (3, "3", True),
        (3, " 3 apples", True),
        (3, "3 of 4", False),
        (3, 3.0, True),
        (1234, "1,234", True),
        (1234, "1 234", True),
        (123, "1,2,3", False),
        (-4, "GPT-4", False),
        (0.1, "−0.1", False),
        (np.float32(0.1), "0.1", True),
        (3.5, "3.50", True),
        (Decimal("3.10"), "3.1", True),
        (10**200, str(10**200), True),
        (10**200, str(10**200 + 1), False),
        (np.int64(3), "3", True),
        (np.float64(0.5), "0.5", True),
        (np.bool_(True), "yes", True),
        ("3", 3, True),
        (True, "Yes.", True),
        (False, "no", True),
        (False, "yes", False),
        (True, True, True),
        (True, "TRUE", True),
        ("yes", True, True),
        (True, "no idea", False),
        (Team.FIN, "FIN", True),
        (Team.FIN, "fin", True),
        (Team.FIN, 1, True),
        (Team.FIN, "OPS", False),
        (Level.HIGH, "high", True),
        (date(2024, 3, 1), "2024-03-01", True),
        (None, "none", True),
        (None, None, True),
        (None, "Ann", False),
        (["a", "b"], "a, b", True),
        (("a", "b"), ["a", "b"], True),
        ({"a"}, "a", True),
        (["a", "b"], '["a", "b"]', True),
        (["a", "b"], "- a\n- b", True),
        (["a", "b"], "b, a", False),
        ([Data("Ann", "Hello")], [{"sender": "Ann", "subject": "Hello"}], True),
        (Data("Ann", "Hello"), {"sender": "Ann", "subject": "Bye"}, False),
        (Data("Ann", "Hello"), "no JSON", False),
    ],
)
def test_a_value_is_what_its_text_says(value: Any, said: Any, matches: bool) -> None:
    """Numbers, truth, members of enumerations, dates, nothing, and lists of them."""
    assert same(value, said) is matches


def labelled(
    expected: Any, form: str, *seen: Any, kind: OutputFormat = "text"
) -> Mapping[str, Any]:
    """The label of a prompt with an output ``team``, and one more in JSON."""
    outputs = ("team",) if kind == "text" else ("team", "rest")
    state = PromptState(instruction="x", inputs=("text",), outputs=outputs, format=kind)
    return label(state, expected, Answering(key="k", form=form, seen={"team": list(seen)}))


@pytest.mark.parametrize(
    ("expected", "form", "seen", "wanted"),
    [
        (True, "value", ["No", "No"], "Yes"),
        (False, "value", ["TRUE"], "FALSE"),
        (True, "value", ["no idea"], None),
        (Team.OPS, "value", ["FIN"], "OPS"),
        (Team.OPS, "value", ["fin"], "ops"),
        (Team.OPS, "value", ["1"], 2),
        (Level.LOW, "value", ["high"], "low"),
        (3, "value", ["4"], 3),
        (Decimal("2.5"), "value", ["4"], 2.5),
        (date(2024, 3, 1), "value", ["2024-01-01"], "2024-03-01"),
        (["a", "b"], "json", ["x; y"], "a; b"),
        (["a", "b"], "json", ['["x"]'], '["a", "b"]'),
        (["a"], "value", ["x"], "a"),
        ("FIN", "json", ['{"team": "OPS"}'], '{"team": "FIN"}'),
        (None, "value", ["x"], None),
        (SimpleNamespace(code="FIN"), f"{ONLY}value", ["x"], "FIN"),
        (SimpleNamespace(code="FIN"), "value", ["x"], None),
    ],
)
def test_a_label_is_spelt_as_the_model_spells(
    expected: Any, form: str, seen: list[Any], wanted: Any
) -> None:
    """Nothing is labelled where that is not known."""
    assert labelled(expected, form, *seen).get("team") == wanted


def test_json_outputs_keep_their_types() -> None:
    """Truth, nothing, lists and objects are JSON's own there."""
    expected = {"team": [Team.OPS], "rest": Data("Ann", "Hello")}
    assert labelled(expected, "fields", [1], kind="json") == {
        "team": [2],
        "rest": {"sender": "Ann", "subject": "Hello", "number": 7, "notes": []},
    }
    assert labelled({"team": True, "rest": None}, "fields", False, kind="json") == {
        "team": True,
        "rest": None,
    }


class Hostile:
    """Fails at whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Endless:
    """Has another of its kind inside, for ever."""

    def __init__(self) -> None:
        self.itself = self
        self.others = [self]

    @property
    def team(self) -> str:
        """No field of it."""
        raise AssertionError("a property was called")


@pytest.mark.parametrize(
    "value", [Endless(), "[" * 100_000, "{" * 100_000, "9" * 100_000, "1e999999"]
)
def test_no_value_takes_long_or_fails(value: Any) -> None:
    """However deep or long it is."""
    assert form_of({"team": "x", "rest": "y"}, value) == ""
    assert form_of({"team": "5"}, value) == ""
    assert form_of({"team": str(value)}, 5) == ""


def test_a_value_that_fails_at_everything_has_no_fields() -> None:
    """The run's score stands all the same; see ``metrics/scoring.py``."""
    assert fields_of(Hostile()) is None


def test_what_json_lacks_is_its_text() -> None:
    """In demos as in files."""
    assert plain({"a": float("inf"), "b": Decimal("0.1"), "c": {3}, "d": Team.FIN}) == {
        "a": "inf",
        "b": "0.1",
        "c": [3],
        "d": 1,
    }
    assert plain(sys.maxsize**40) == sys.maxsize**40


def test_json_is_found_in_other_text() -> None:
    """As a whole only where that is asked for."""
    assert json_in('Well: {"a": 1} then') == {"a": 1}
    assert json_in('Well: {"a": 1} then', whole=True) is None
    assert json_in("[1, 2]", whole=True) == [1, 2]
