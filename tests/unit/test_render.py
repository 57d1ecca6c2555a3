"""A prompt state and inputs become chat messages, and templates can do no harm."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.render import check_template, render


def state(**changes: Any) -> PromptState:
    """A prompt from ``problem`` to ``team``, with changes."""
    fields: dict[str, Any] = {
        "instruction": "Answer with the team code only.\n",
        "inputs": ("problem",),
        "outputs": ("team",),
    }
    return PromptState(**{**fields, **changes})


def test_one_input_is_the_user_message_itself() -> None:
    """The instruction goes to the system message, the value to the user's, unchanged."""
    messages = render(state(), {"problem": " charged twice\n"})

    assert messages == (
        ("system", "Answer with the team code only."),
        ("user", " charged twice\n"),
    )


def test_several_inputs_are_a_line_each() -> None:
    """Lines stand in the order in which the prompt declares its inputs."""
    messages = render(state(inputs=("problem", "tier")), {"tier": 2, "problem": "charged"})

    assert messages[-1].content == "problem: charged\ntier: 2"


@pytest.mark.parametrize("name", ["if", "none", "true", "loop", "range"])
def test_an_input_may_be_called_what_templates_reserve(name: str) -> None:
    """Without a template no word has a special meaning."""
    assert render(state(inputs=(name,)), {name: "x"})[-1].content == "x"


def test_demos_are_earlier_turns_of_the_conversation() -> None:
    """Each demo is a question of the user and an answer of the assistant, in order."""
    demos = ({"problem": "charged twice", "team": "FIN"}, {"problem": "no parcel", "team": "LOG"})

    messages = render(state(demos=demos), {"problem": "broken"})

    assert [role for role, _ in messages] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert [text for _, text in messages[1:]] == [
        "charged twice", "FIN", "no parcel", "LOG", "broken",
    ]  # fmt: skip


def test_several_outputs_are_asked_for_and_shown_in_lines() -> None:
    """The system message names the form, and demos keep to it."""
    lines = state(
        outputs=("team", "tone"),
        format="lines",
        demos=({"problem": "p", "team": "FIN", "tone": "angry"},),
    )

    system, _, demo, _ = render(lines, {"problem": "q"})

    assert system.content == (
        "Answer with the team code only.\n\n"
        "Answer with one line for each field, in this form:\nteam: ...\ntone: ..."
    )
    assert demo.content == "team: FIN\ntone: angry"


def test_several_outputs_are_asked_for_and_shown_in_json() -> None:
    """JSON demos keep their types and their letters."""
    as_json = state(
        outputs=("team", "urgent"),
        format="json",
        demos=({"problem": "p", "team": "Zürich", "urgent": True},),
    )

    system, _, demo, _ = render(as_json, {"problem": "q"})

    assert system.content.endswith("Answer with one JSON object with the keys team, urgent.")
    assert demo.content == '{"team": "Zürich", "urgent": true}'


def test_a_template_shapes_questions_and_demos_alike() -> None:
    """What the model is asked looks as it did in the demos."""
    shaped = state(
        template="Ticket: {{ problem | upper }}", demos=({"problem": "charged", "team": "FIN"},)
    )

    messages = render(shaped, {"problem": "lost"})

    assert [messages[1].content, messages[3].content] == ["Ticket: CHARGED", "Ticket: LOST"]


def test_values_are_not_escaped_and_never_run_as_templates() -> None:
    """User text is data: braces and angle brackets arrive as they are."""
    text = "<b>{{ 7 * 7 }}</b> {% raw %}"

    assert render(state(), {"problem": text})[-1].content == text
    assert render(state(template="> {{ problem }}"), {"problem": text})[-1].content == "> " + text


def test_braces_in_an_instruction_are_left_alone() -> None:
    """The instruction is prose, not a template."""
    shown = render(state(instruction='Answer as {"team": "{{ code }}"} {%'), {"problem": "x"})

    assert shown[0].content == 'Answer as {"team": "{{ code }}"} {%'


@pytest.mark.parametrize(
    "template",
    [
        "{{ problem.__class__.__mro__ }}",
        "{{ problem['__class__'] }}",
        "{{ problem | attr('__class__') }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ problem.format.__globals__ }}",
        "{{ '{0.__class__}'.format(problem) }}",
    ],
)
def test_the_sandbox_gives_no_access_to_pythons_insides(template: str) -> None:
    """A template from a file or a model reaches values, not the interpreter."""
    with pytest.raises(PromptError, match="the template failed"):
        render(state(template=template), {"problem": "x"})


def test_a_template_can_not_change_its_inputs() -> None:
    """The sandbox is immutable: the caller's list stays as it was."""
    given = ["a"]

    with pytest.raises(PromptError, match="the template failed"):
        render(state(template="{{ problem.append('b') }}"), {"problem": given})

    assert given == ["a"]


@pytest.mark.parametrize("template", ["{{ 1 // problem }}", "{{ problem.x.y }}", "{{ problem() }}"])
def test_a_template_that_fails_on_a_value_is_a_prompt_error(template: str) -> None:
    """Whatever goes wrong inside a template is said to be the template's."""
    with pytest.raises(PromptError, match="the template failed") as caught:
        render(state(template=template), {"problem": 0})

    assert caught.value.field == "template"


def test_a_missing_input_is_named() -> None:
    """The message shows what the prompt declares and what the call gave."""
    with pytest.raises(PromptError) as caught:
        render(state(inputs=("problem", "tier")), {"problem": "x"})

    assert str(caught.value) == (
        "field 'inputs': input 'tier' is missing; "
        "the prompt declares ['problem', 'tier'], the call gave ['problem']"
    )


def test_an_extra_input_is_named() -> None:
    """An input the prompt does not declare would be dropped silently, so it is refused."""
    with pytest.raises(PromptError, match="'tone' is no input"):
        render(state(), {"problem": "x", "tone": "y"})


@pytest.mark.parametrize(
    "template",
    [
        "{% for word in a.split() %}{{ loop.index }}. {{ word }}{% endfor %}",
        "{% set shown = a %}{{ shown }}",
        "{% macro quote(text) %}> {{ text }}{% endmacro %}{{ quote(a) }}",
        "{% for number in range(3) %}{{ number }}{% endfor %}",
        "plain text",
    ],
)
def test_names_that_a_template_makes_itself_are_no_inputs(template: str) -> None:
    """Loops, assignments, macros and Jinja2's own functions need no declaration."""
    check_template(template, ("a",))


def test_a_loop_variable_is_unknown_outside_its_loop() -> None:
    """The scope of names is Jinja2's."""
    with pytest.raises(PromptError, match="uses 'word'") as caught:
        check_template("{% for word in a %}{{ word }}{% endfor %}\n{{ word }}", ("a",))

    assert caught.value.field == "template"
