"""Whatever text a strategy writes, the prompt file says exactly that afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_lmopt.snapshots.prompt_files import rewrite_prompt
from pytest_lmopt.suites.prompt_file import parse_prompt

PATH = Path("prompt.yaml")

FILES = [
    "instruction: short\ninputs: [question]\noutput: answer\n",
    "# c\ninstruction: |  # c\n  a\n  b\n\n# c\ninputs: [question]\noutput: answer\n"
    "demos:  # c\n  # c\n  - {question: q, answer: a}  # c\n\n# c\nmodel: m  # c\n# end\n",
    "instruction: >-\n  folded\n  text\n\ninputs:\n- question\ndemos:\n- question: |+\n    q\n\n"
    "  answer: a\noutput: answer\nparams: {max_tokens: 5}",
    "{instruction: x, inputs: [question], output: answer}\n",
]

PIECES = [
    "---", "...", "# no comment", " #", ": ", "key: value", "- item", "'", '"', "{", "}", "[", "]",
    ",", "|", ">", "&a", "*a", "!t", "%", "@", "`", "?", "\\", "\n", "\n\n", " ", "\t", "\r\n",
    "null", "true", "1e3", "0x1f", "2024-01-01", "<<", "=", "größer", "漢字", "🙂", "\x85",
    "\u2028", "\ufeff", "\x00", "\x1b", "word",
]  # fmt: skip

texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=6).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(PIECES).map(lambda piece: piece * 120),
)
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=4,
)
demos = st.lists(
    st.fixed_dictionaries({"question": st.one_of(texts, values), "answer": texts}), max_size=3
)


@given(st.sampled_from(FILES), texts, demos, st.none() | texts)
@example(FILES[1], "a\n\n\n", [{"question": " \n x", "answer": "\n"}], None)
@example(FILES[0], "?", [{"question": "?---", "answer": "?-"}], "?\n")
@example(FILES[2], "\ta: b # c\n", [{"question": "---\n", "answer": "x\n\n"}], None)
def test_a_rewritten_file_says_what_the_state_says(
    text: str, instruction: str, shown: list[dict[str, Any]], reasoning: str | None
) -> None:
    """Parsing the rewritten text gives the state, for any instruction, demos and reasoning."""
    state = replace(parse_prompt(text, path=PATH), instruction=instruction)
    if reasoning is not None:
        state = replace(state, reasoning=True)
        shown = [{**demo, "reasoning": reasoning} for demo in shown]
    state = state.with_demos(shown)
    rewritten = rewrite_prompt(text, state, path=PATH)
    assert parse_prompt(rewritten, path=PATH) == state


@given(st.sampled_from(FILES), texts, demos)
def test_rewriting_again_changes_nothing(
    text: str, instruction: str, shown: list[dict[str, Any]]
) -> None:
    """A file that was rewritten is returned as it is."""
    state = replace(parse_prompt(text, path=PATH), instruction=instruction).with_demos(shown)
    rewritten = rewrite_prompt(text, state, path=PATH)
    assert rewrite_prompt(rewritten, state, path=PATH) == rewritten


@given(texts, demos)
def test_what_stands_around_survives(instruction: str, shown: list[dict[str, Any]]) -> None:
    """Comments and fields outside instruction and demos are the same lines as before."""
    text = FILES[1]
    state = replace(parse_prompt(text, path=PATH), instruction=instruction).with_demos(shown)
    rewritten = rewrite_prompt(text, state, path=PATH)
    assert rewritten.startswith("# c\ninstruction: ")
    assert "\n\n# c\ninputs: [question]\noutput: answer\ndemos:" in rewritten
    assert rewritten.endswith("\n\n# c\nmodel: m  # c\n# end\n")
