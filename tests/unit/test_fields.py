"""Output fields are read from answers as models really write them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lmopt.errors import AnswerError
from pytest_lmopt.suites.fields import format_directive, format_outputs, parse_outputs
from pytest_lmopt.suites.prompt_state import OutputFormat, PromptState


def outputs(*names: str, form: OutputFormat) -> PromptState:
    """A prompt with these outputs."""
    return PromptState(instruction="x", inputs=("q",), outputs=names, format=form)


TEXT = outputs("team", form="text")
LINES = outputs("team", "reason", form="lines")
JSON = outputs("team", "reason", form="json")
FOUND = {"team": "FIN", "reason": "charged twice"}


def test_one_output_is_the_answer_unchanged() -> None:
    """Plain text is not trimmed, searched or asked to have a form."""
    assert parse_outputs(TEXT, " team: FIN\n") == {"team": " team: FIN\n"}
    assert format_outputs(TEXT, {"team": 7}) == "7"
    assert format_directive(TEXT) == ""


@pytest.mark.parametrize(
    "answer",
    [
        "team: FIN\nreason: charged twice",
        "reason: charged twice\nteam: FIN",
        "Team: FIN\nREASON: charged twice",
        "  team : FIN  \n\n  reason :charged twice\n",
        "Sure, here it is:\nteam: FIN\nreason: charged twice",
        "**team:** FIN\n**reason:** charged twice",
        "**Team**: FIN\n**Reason**: charged twice",
        "- team: FIN\n- reason: charged twice",
        "* `team`: FIN\n* `reason`: charged twice",
        "team: FIN\nreason: charged twice\nteam: LOG",
        "team: FIN\r\nreason: charged twice\r\n",
    ],
)
def test_lines_are_read_in_many_shapes(answer: str) -> None:
    """Order, case, white space and Markdown do not matter, and the first of two counts."""
    assert parse_outputs(LINES, answer) == FOUND


def test_the_value_of_a_line_may_run_on() -> None:
    """Everything up to the next field belongs to the value, colons included."""
    found = parse_outputs(LINES, "reason: first: twice\nthen again\nteam: FIN")

    assert found == {"reason": "first: twice\nthen again", "team": "FIN"}


def test_an_empty_line_value_is_an_empty_text() -> None:
    """A field that is there but empty is not missing."""
    assert parse_outputs(LINES, "team:\nreason: r") == {"team": "", "reason": "r"}


def test_a_field_name_inside_a_sentence_is_no_field() -> None:
    """Only the beginning of a line names a field."""
    with pytest.raises(AnswerError, match="no field 'team'"):
        parse_outputs(LINES, "reason: which team: unknown")


@pytest.mark.parametrize("names", [("A", "_A"), ("A", "A_"), ("_A", "A")])
def test_underscores_of_a_field_name_are_no_decoration(names: tuple[str, str]) -> None:
    """Though elsewhere they are: _A_: x."""
    state = outputs(*names, form="lines")
    told = dict(zip(names, ("x", "y"), strict=True))
    assert parse_outputs(state, format_outputs(state, told)) == told
    assert parse_outputs(LINES, "_team_: x\n__reason:__ y") == {"team": "x", "reason": "y"}


def test_letters_that_only_look_alike_when_case_is_ignored_do_no_harm() -> None:
    """The long s counts as an s, as it does for Python's own matching."""
    assert parse_outputs(outputs("status", "b", form="lines"), "ſtatus: x\nb: y") == {
        "status": "x",
        "b": "y",
    }


@pytest.mark.parametrize(
    "answer",
    [
        '{"team": "FIN", "reason": "charged twice"}',
        '{"reason": "charged twice", "team": "FIN", "extra": 1}',
        'Sure!\n```json\n{"team": "FIN", "reason": "charged twice"}\n```\nAnything else?',
        'With {braces} before: {"team": "FIN", "reason": "charged twice"} and {after}',
        'Not {} but {"team": "FIN", "reason": "charged twice"}',
    ],
)
def test_json_is_found_inside_other_text(answer: str) -> None:
    """Fences, chatter and other braces around the object do not matter."""
    assert parse_outputs(JSON, answer) == FOUND


def test_json_values_keep_their_types() -> None:
    """Numbers, lists and objects arrive as such."""
    answer = '{"team": ["FIN", 2], "reason": {"nested": null}}'

    assert parse_outputs(JSON, answer) == {"team": ["FIN", 2], "reason": {"nested": None}}


@pytest.mark.parametrize(
    ("state", "answer", "problem"),
    [
        (LINES, "team: FIN", "the answer has no field 'reason'"),
        (LINES, "", "the answer has no field 'team'"),
        (JSON, '{"team": "FIN"}', "the answer has no field 'reason'"),
        (JSON, "no idea", "the answer holds no JSON object"),
        (JSON, '["team", "reason"]', "the answer holds no JSON object"),
        (JSON, '{"team": "FIN", "reason": ', "the answer holds no JSON object"),
        (JSON, '{"a":' * 3000, "the answer holds no JSON object"),
    ],
)
def test_an_answer_without_a_field_is_an_answer_error(
    state: PromptState, answer: str, problem: str
) -> None:
    """The error carries the whole answer, and its message the beginning of it."""
    with pytest.raises(AnswerError) as caught:
        parse_outputs(state, answer)

    assert str(caught.value) == f"{problem}; the answer was {answer[:200]!r}"
    assert caught.value.text == answer


@pytest.mark.parametrize("state", [LINES, JSON])
def test_what_a_demo_shows_can_be_read_back(state: PromptState) -> None:
    """Demos teach a form that the parser understands."""
    values: dict[str, Any] = {"team": "FIN", "reason": "charged: twice"}

    assert parse_outputs(state, format_outputs(state, values)) == values
