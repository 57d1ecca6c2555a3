"""Whatever stands in a prompt file, it loads or is refused as a prompt."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.prompt_file import parse_prompt
from pytest_lmopt.suites.prompt_state import PromptState

FIELDS = [
    "instruction", "inputs", "output", "outputs", "format", "template", "demos", "model", "params",
    "reasoning", "other", "<<",
]  # fmt: skip
VALUES = [
    "x", "[a]", "[a, b]", "{a: 1}", "[{a: 1, b: 2}]", "", "~", "true", "5", "1.5", ".nan", "[]",
    "2024-01-05", "2024-99-99", "&x 1", "*x", "&y [*y]", "[&z {a: *z, b: 1}]", "!!binary aGk=",
    "!!set {a}", "!!omap [a: 1]", "!tag b", "'{{ a }}'", "'{{ c }}'", "'{{ a'", "'{% if %}'",
    "|\n  text\n  {{ c }}", ">-\n  {{ a }}", "\n  - {a: 1, b: 2}", "json", "lines", "text",
    "? [a]", "- a", "b: c", "\t", "0o7", "1_000", "1:30", "0x", "!!int x", "!!float x", "%",
]  # fmt: skip
YAML_LIKE = st.lists(
    st.tuples(st.sampled_from(FIELDS), st.sampled_from(VALUES)).map(": ".join)
    | st.sampled_from(["---", "%YAML 1.1", "%TAG ! x", "# note", "...", "!!omap", "- a", "&a"]),
    max_size=7,
).map("\n".join)
GOOD_START = "instruction: x\ninputs: [a]\noutput: b\n"
PUNCTUATION = st.text(alphabet="ab:-[]{}!&*|>'\"%@`#,?~ \n\t0", max_size=40)
TEMPLATES = st.text(alphabet="ab {}%|.()'\"[]+-*/~#\nifor10_=<", max_size=30)


def parsed(text: str) -> PromptState | None:
    """The prompt of this text, or None if it is refused."""
    try:
        state = parse_prompt(text, path=Path("p.yaml"))
    except PromptError as error:
        refusal = error
    else:
        assert state.digest
        return state
    assert str(refusal).startswith("p.yaml")
    assert refusal.line is None or 1 <= refusal.line <= text.count("\n") + 2
    return None


@given(st.text())
def test_any_text_loads_or_is_refused(text: str) -> None:
    """No text whatever raises anything but a PromptError."""
    parsed(text)


@given(PUNCTUATION)
def test_any_punctuation_loads_or_is_refused(text: str) -> None:
    """The characters that mean something to YAML, in any order."""
    parsed(text)


@given(YAML_LIKE)
@example("!!omap\n- a: 1\n")
@example("<<: {bad: 1}\n" + GOOD_START)
def test_anything_like_yaml_loads_or_is_refused(text: str) -> None:
    """Known fields with values of every kind: tags, anchors, merges, dates, nothing."""
    parsed(text)


@given(YAML_LIKE)
def test_a_good_beginning_changes_nothing(text: str) -> None:
    """What follows the three fields every file has is checked all the same."""
    parsed(GOOD_START + text)


@given(TEMPLATES)
def test_any_template_loads_or_is_refused(template: str) -> None:
    """Any text as template is good Jinja2 over the inputs or a PromptError at its line."""
    indented = "\n".join("  " + line for line in template.split("\n"))
    parsed(GOOD_START + "template: |\n" + indented + "\n")


@given(
    instruction=st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n")),
    demos=st.lists(
        st.fixed_dictionaries({"a": st.text(st.characters(exclude_categories=["Cs", "Cc"]))} | {
            "b": st.integers() | st.booleans() | st.none()
        }),
        max_size=3,
    ),
)  # fmt: skip
def test_what_a_yaml_writer_wrote_comes_back(instruction: str, demos: list[dict[str, Any]]) -> None:
    """Any instruction and demos survive the file."""
    document = {"instruction": instruction, "inputs": ["a"], "output": "b", "demos": demos}
    stream = io.StringIO()
    YAML().dump(document, stream)

    state = parsed(stream.getvalue())

    assert state is not None
    assert state.instruction == instruction
    assert [dict(demo) for demo in state.demos] == demos
