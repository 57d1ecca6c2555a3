"""A prompt may ask the model to think first: pipelines get the answer, traces and demos both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt import Prompt
from pytest_lmopt.errors import PromptError
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.tracing import Call, RunContext, running
from pytest_lmopt.snapshots.prompt_files import rewrite_prompt
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.fields import format_answer, parse_answer
from pytest_lmopt.suites.prompt_file import parse_prompt
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.reasoning import DIRECTIVE, MARKER
from pytest_lmopt.suites.render import render
from pytest_lmopt.wire import Request

PATH = Path("route.yaml")
THOUGHT = "Money is missing, so it is about money."
DEMO = {"problem": "charged twice", "reasoning": THOUGHT, "team": "FIN"}


def state(**changes: Any) -> PromptState:
    """A prompt from ``problem`` to ``team`` that asks for reasoning, with changes."""
    fields: dict[str, Any] = {
        "instruction": "Name the team.",
        "inputs": ("problem",),
        "outputs": ("team",),
        "reasoning": True,
    }
    return PromptState(**{**fields, **changes})


def called(answer: str, **changes: Any) -> tuple[Any, Call, Request]:
    """What a prompt returns for a model's answer, its trace and what it asked."""
    given = {"name": "route", "instruction": "Name the team.", "inputs": ["problem"]}
    prompt = Prompt(**{**given, "output": "team", "reasoning": True, **changes})
    run = RunContext(
        lm=FunctionLM(lambda _: answer), candidate=Candidate(name="c", states={}), model="m"
    )
    with running(run):
        completion = prompt(problem="charged twice")
    (call,) = run.trace
    assert call.request is not None
    return completion, call, call.request


def test_the_answer_is_all_that_a_pipeline_sees_and_the_trace_keeps_both() -> None:
    """``.text`` is what it was without reasoning."""
    completion, call, request = called(f"{THOUGHT}\n\n{MARKER} FIN\n")

    assert (completion.text, completion.team, completion.reasoning) == ("FIN", "FIN", THOUGHT)
    assert (call.outputs, call.reasoning) == ({"team": "FIN"}, THOUGHT)
    assert call.text == f"{THOUGHT}\n\n{MARKER} FIN\n", "recordings need all of it"
    assert request.messages[0].content == f"Name the team.\n\n{DIRECTIVE}"


def test_nothing_changes_where_no_reasoning_is_asked_for() -> None:
    """Not even for an answer that has the marker."""
    text = f"{THOUGHT}\n{MARKER} FIN"
    completion, call, request = called(text, reasoning=False)

    assert (completion.text, completion.team, completion.reasoning) == (text, text, "")
    assert call.reasoning == ""
    assert request.messages[0].content == "Name the team."


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (f"{THOUGHT}\nFinal answer: FIN", "FIN"),
        (f"{THOUGHT}\n\nfinal answer:\n\nFIN\n", "FIN"),
        (f"{THOUGHT}\n**Final answer:** FIN", "FIN"),
        (f"{THOUGHT}\n**Final Answer**: FIN", "FIN"),
        (f"{THOUGHT}\n- **Final answer: FIN**", "FIN"),
        (f"{THOUGHT}\n### Final answer:\n**FIN**", "**FIN**"),
        (f"{THOUGHT}\nFinal answer: F\nI\nN", "F\nI\nN"),
    ],
)
def test_the_marker_is_found_in_many_shapes(text: str, answer: str) -> None:
    """Case, Markdown and white space do not matter."""
    assert parse_answer(state(), text) == (THOUGHT, answer, {"team": answer})


def test_the_last_marker_counts() -> None:
    """A model that corrects itself means the correction."""
    reasoning, answer, _ = parse_answer(state(), "Final answer: LOG\nNo!\nFinal answer: FIN")

    assert (reasoning, answer) == ("Final answer: LOG\nNo!", "FIN")


@pytest.mark.parametrize("text", [" FIN\n", "", "My final answer: FIN", "final answer is FIN"])
def test_without_a_marker_the_whole_text_is_the_answer(text: str) -> None:
    """As it came, and there is no reasoning."""
    assert parse_answer(state(), text) == ("", text, {"team": text})


def test_a_long_row_of_stars_is_no_trap() -> None:
    """Looking for the marker takes no more time than reading the text."""
    text = "*" * 200_000
    assert parse_answer(state(), text)[1] == text


def test_several_outputs_stand_below_the_marker() -> None:
    """Lines and JSON, in demos as in answers; a field in the reasoning is none."""
    values = {"problem": "p", "team": "FIN", "tone": "angry", "reasoning": "team: LOG? No."}
    lines = state(outputs=("team", "tone"), format="lines")
    as_json = state(outputs=("team", "tone"), format="json")

    shown = format_answer(lines, values)
    assert shown == "team: LOG? No.\nFinal answer:\nteam: FIN\ntone: angry"
    found = {"team": "FIN", "tone": "angry"}
    assert parse_answer(lines, shown) == (values["reasoning"], "team: FIN\ntone: angry", found)
    shown = format_answer(as_json, values)
    assert shown == 'team: LOG? No.\nFinal answer:\n{"team": "FIN", "tone": "angry"}'
    assert parse_answer(as_json, shown)[2] == found
    assert DIRECTIVE in render(lines, {"problem": "q"})[0].content


def test_demos_show_their_reasoning_and_templates_shape_the_questions_only() -> None:
    """A demo without reasoning keeps to the form, too."""
    shaped = state(
        template="Ticket: {{ problem }}", demos=(DEMO, {"problem": "no parcel", "team": "LOG"})
    )

    assert [text for _, text in render(shaped, {"problem": "broken"})[1:]] == [
        "Ticket: charged twice", f"{THOUGHT}\nFinal answer: FIN",
        "Ticket: no parcel", "Final answer: LOG",
        "Ticket: broken",
    ]  # fmt: skip


def test_there_is_room_to_think() -> None:
    """Few tokens are made more; what ends the answer does not end the thinking."""
    text = f"First line.\nSecond.\n{MARKER} FIN\nAnything else?"
    completion, call, request = called(text, params={"max_tokens": 5, "stop": ["\n"]})

    assert request.params == {"max_tokens": 512}
    assert (completion.text, call.reasoning) == ("FIN", "First line.\nSecond.")
    assert called("\nFIN\nLOG", params={"stop": "\n"})[0].text == "FIN"
    assert called("x", params={"max_tokens": 900})[2].params == {"max_tokens": 900}
    assert called("x", params={"max_tokens": 5}, reasoning=False)[2].params == {"max_tokens": 5}


def test_an_output_called_reasoning_is_one_where_none_is_asked_for() -> None:
    """Who has asked for reasoning as an output goes on as before, demos included."""
    demo = {"problem": "p", "reasoning": "r", "team": "FIN"}
    completion, call, _ = called(
        "reasoning: because\nteam: FIN",
        output=None, outputs=["reasoning", "team"], demos=[demo], reasoning=False,
    )  # fmt: skip

    assert (completion.reasoning, completion.team) == ("because", "FIN")
    assert (call.outputs["reasoning"], call.reasoning) == ("because", "")


@pytest.mark.parametrize(
    "changes", [{"inputs": ("reasoning",)}, {"outputs": ("reasoning",)}],
)  # fmt: skip
def test_no_field_is_called_reasoning_where_it_is_asked_for(changes: dict[str, Any]) -> None:
    """One name can't mean two things."""
    with pytest.raises(PromptError, match="no input or output can be called 'reasoning'"):
        state(**changes)


def test_a_demo_has_reasoning_only_where_it_is_asked_for() -> None:
    """Else it would be shown nowhere."""
    with pytest.raises(PromptError, match="demo 1 has 'reasoning', which is no field"):
        state(reasoning=False, demos=(DEMO,))


def test_prompts_without_reasoning_keep_their_digests() -> None:
    """Snapshots accepted before there was any stay valid."""
    plain = state(reasoning=False, demos=({"problem": "charged twice", "team": "FIN"},))

    assert plain.digest == "7a287b13cc2f0486"
    assert replace(plain, reasoning=True).digest != plain.digest


FILE = """\
# second step
instruction: Name the team.
inputs: [problem]
output: team
reasoning: true  # it pays off
demos:
  - {problem: charged twice, reasoning: 'Money is missing, so it is about money.', team: FIN}
"""


def test_a_prompt_file_asks_for_reasoning() -> None:
    """It loads as it stands there."""
    assert parse_prompt(FILE, path=PATH) == state(demos=(DEMO,))


@pytest.mark.parametrize("value", ["'yes'", "1", "null", "[true]"])
def test_a_prompt_file_says_true_or_false(value: str) -> None:
    """Anything else is refused at its line."""
    with pytest.raises(PromptError, match=r"route.yaml, line 5.*true or false expected"):
        parse_prompt(FILE.replace("true ", f"{value} "), path=PATH)


def test_reasoning_is_switched_on_in_a_file_that_lacks_it() -> None:
    """A line of its own, and the reasoning of demos in blocks where it is long."""
    before = "# step\ninstruction: Name the team.\ninputs: [problem]\noutput: team  # code\n"
    long = {**DEMO, "reasoning": "One line.\nAnd another."}
    after = rewrite_prompt(before, state(demos=(long,)), path=PATH)

    assert after == before + (
        "reasoning: true\n"
        "demos:\n"
        "  - problem: charged twice\n"
        "    reasoning: |-\n"
        "      One line.\n"
        "      And another.\n"
        "    team: FIN\n"
    )
    assert parse_prompt(after, path=PATH) == state(demos=(long,))


def test_reasoning_is_switched_off_beside_its_comment() -> None:
    """The line stays, and says so."""
    plain = state(reasoning=False, demos=({"problem": "charged twice", "team": "FIN"},))
    after = rewrite_prompt(FILE, plain, path=PATH)

    assert "reasoning: false  # it pays off\n" in after
    assert parse_prompt(after, path=PATH) == plain
