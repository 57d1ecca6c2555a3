"""What a demo shows, the parser reads back; what a model says never breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt.errors import AnswerError
from pytest_lmopt.suites.fields import format_answer, format_outputs, parse_answer, parse_outputs
from pytest_lmopt.suites.prompt_state import OutputFormat, PromptState

NAMES = st.lists(
    st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,6}", fullmatch=True).filter(
        lambda name: name not in ("text", "usage", "fields", "question", "reasoning")
    ),
    min_size=2,
    max_size=4,
    unique_by=str.casefold,
)
LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30).map(
    str.strip
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
CHATTER = st.text(st.characters(exclude_characters="{"), max_size=9)


def prompt(names: list[str], form: OutputFormat) -> PromptState:
    """A prompt with these outputs."""
    return PromptState(instruction="x", inputs=("question",), outputs=tuple(names), format=form)


@given(text=st.text())
def test_one_output_is_its_text(text: str) -> None:
    """Plain text makes the round trip unchanged."""
    state = PromptState(instruction="x", inputs=("question",), outputs=("answer",))

    assert parse_outputs(state, format_outputs(state, {"answer": text})) == {"answer": text}


@given(names=NAMES, data=st.data())
def test_lines_make_the_round_trip(names: list[str], data: st.DataObject) -> None:
    """Any values of one line come back as text, whatever the fields are called."""
    state = prompt(names, "lines")
    values = {name: data.draw(LINE, label=name) for name in names}

    assert parse_outputs(state, format_outputs(state, values)) == values


@given(names=NAMES, data=st.data(), before=CHATTER)
def test_json_makes_the_round_trip(names: list[str], data: st.DataObject, before: str) -> None:
    """Any JSON values come back with their types, also with words before them."""
    state = prompt(names, "json")
    values: dict[str, Any] = {name: data.draw(JSON, label=name) for name in names}

    assert parse_outputs(state, before + format_outputs(state, values)) == values


@given(
    names=NAMES,
    form=st.sampled_from(["text", "lines", "json"]),
    reasoning=st.text() | st.text(alphabet="FINALfinal answer:*\n").map(str.strip),
    data=st.data(),
)
def test_reasoning_makes_the_round_trip(
    names: list[str], form: OutputFormat, reasoning: str, data: st.DataObject
) -> None:
    """Whatever is thought before it, markers included, the answer comes back, and the thought."""
    state = prompt(names[:1] if form == "text" else names, form)
    values: dict[str, Any] = {name: data.draw(LINE, label=name) for name in state.outputs}
    state = replace(state, reasoning=True)
    shown = format_answer(state, {**values, "reasoning": reasoning})

    answer = format_outputs(state, values).strip()
    assert parse_answer(state, shown) == (reasoning.strip(), answer, values)


@given(
    names=NAMES,
    form=st.sampled_from(["lines", "json"]),
    answer=st.text() | st.text(alphabet='{}[]":,ab*_-\n1 '),
)
def test_any_answer_has_the_fields_or_is_an_answer_error(
    names: list[str], form: OutputFormat, answer: str
) -> None:
    """Nothing a model says raises anything else."""
    try:
        found = list(parse_outputs(prompt(names, form), answer))
    except AnswerError as error:
        found = names if error.text == answer else []

    assert found == names
