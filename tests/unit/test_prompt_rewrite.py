"""Rewriting a prompt file: only what changed changes, and the diff reads like prose."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt.errors import PromptError
from pytest_lmopt.snapshots.prompt_files import rewrite_prompt
from pytest_lmopt.suites.prompt_file import parse_prompt

PATH = Path("prompts/route.yaml")

FILE = """\
# Routing, second step of triage.
instruction: |  # kept short on purpose
  Answer with the team code only.

# the summary of the first step
inputs: [problem]
output: team  # a code of three letters

# shown to the model, in this order
demos:
  - {problem: I was charged twice, team: FIN}

# cheap enough
params:
    max_tokens: 5   # codes are short
# the end
"""


def rewritten(
    text: str,
    *,
    instruction: str | None = None,
    demos: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """``text`` with another instruction or other demos, checked to say so."""
    state = parse_prompt(text, path=PATH)
    if instruction is not None:
        state = replace(state, instruction=instruction)
    if demos is not None:
        state = state.with_demos(demos)
    result = rewrite_prompt(text, state, path=PATH)
    assert parse_prompt(result, path=PATH) == state
    return result


def changed_lines(old: str, new: str) -> list[str]:
    """The lines of a diff that start with - or +."""
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return [line for line in list(diff)[2:] if not line.startswith("@@")]


@pytest.mark.parametrize(
    "text",
    [
        FILE,
        "{inputs: [a],   output: b, instruction: x}",
        "instruction:   'odd  spacing'\ninputs: [ a ]\noutput: b\n\n\n",
        "inputs:\n- a\noutput: b\ninstruction: >\n  folded\n  text\n",
        "\ufeff" + FILE.replace("\n", "\r\n"),
    ],
)
def test_a_file_that_says_the_same_is_returned_byte_by_byte(text: str) -> None:
    """Where nothing changed, not even odd spacing does."""
    assert rewritten(text) == text


def test_new_demos_change_the_lines_of_demos_only() -> None:
    """The diff is one line out and two lines in."""
    demos = [{"problem": "No refund yet", "team": "FIN"}, {"problem": "App crashes", "team": "ENG"}]
    assert changed_lines(FILE, rewritten(FILE, demos=demos)) == [
        "-  - {problem: I was charged twice, team: FIN}",
        "+  - {problem: No refund yet, team: FIN}",
        "+  - {problem: App crashes, team: ENG}",
    ]


def test_an_added_demo_is_one_added_line() -> None:
    """What was there stays where it was."""
    demos = [
        {"problem": "I was charged twice", "team": "FIN"},
        {"problem": "App crashes", "team": "ENG"},
    ]
    added = changed_lines(FILE, rewritten(FILE, demos=demos))
    assert added == ["+  - {problem: App crashes, team: ENG}"]


def test_a_new_instruction_is_a_block_of_text() -> None:
    """Lines of the instruction are lines of the file; the comment beside it stays."""
    new = rewritten(FILE, instruction="Read the problem.\nAnswer with the team code: FIN or ENG.\n")
    assert changed_lines(FILE, new) == [
        "-  Answer with the team code only.",
        "+  Read the problem.",
        "+  Answer with the team code: FIN or ENG.",
    ]


def test_every_comment_outlives_both_changes() -> None:
    """All that a person wrote around instruction and demos is there afterwards."""
    new = rewritten(FILE, instruction="Other", demos=[{"problem": "x", "team": "y"}])
    for comment in (line[line.index("#") :] for line in FILE.splitlines() if "#" in line):
        assert comment in new
    assert new.endswith("params:\n    max_tokens: 5   # codes are short\n# the end\n")


def test_a_comment_above_the_first_demo_stays() -> None:
    """Words between ``demos:`` and the first demo concern all demos."""
    head = "instruction: x\ninputs: [a]\noutput: b\ndemos:  # few\n  # easy ones first\n"
    new = rewritten(head + "  - {a: 1, b: 2}\n", demos=[{"a": "p", "b": "q"}])
    assert new == head + "  - {a: p, b: q}\n"


def test_long_text_in_demos_stands_in_blocks() -> None:
    """Several lines become a block scalar; a long line gets a line of its own."""
    letter = "Dear team,\nI was charged twice: once in May, once in June.\n"
    long = "word " * 30 + "end"
    new = rewritten(
        FILE, demos=[{"problem": letter, "team": "FIN"}, {"problem": long, "team": "ENG"}]
    )
    assert changed_lines(FILE, new)[1:] == [
        "+  - problem: |",
        "+      Dear team,",
        "+      I was charged twice: once in May, once in June.",
        "+    team: FIN",
        f"+  - problem: {long}",
        "+    team: ENG",
    ]


def test_demos_are_added_at_the_end_of_a_file_without() -> None:
    """A file without demos, or even a last line end, gets them below."""
    text = "instruction: x\ninputs: [a]\noutput: b"
    assert rewritten(text, demos=[{"a": "p", "b": "q"}]) == f"{text}\ndemos:\n  - {{a: p, b: q}}\n"


def test_demos_are_added_before_the_end_of_the_document() -> None:
    """An explicit document end stays the end."""
    text = "---\ninstruction: x\ninputs: [a]\noutput: b\n...\n"
    new = rewritten(text, demos=[{"a": "p", "b": "q"}])
    assert new == text.replace("...", "demos:\n  - {a: p, b: q}\n...")


def test_demos_can_be_taken_away() -> None:
    """No demos are an empty list, with the comments around it in place."""
    new = rewritten(FILE, demos=[])
    assert "# shown to the model, in this order\ndemos: []\n\n# cheap enough\n" in new


@pytest.mark.parametrize(
    "empty", ["demos: []  # none yet\n", "demos:  # none yet\n", "demos: null  # none yet\n"]
)
def test_an_empty_list_is_filled(empty: str) -> None:
    """Demos take the place of none, beside the comment."""
    text = f"instruction: x\ninputs: [a]\noutput: b\n{empty}# model below\nmodel: m\n"
    new = rewritten(text, demos=[{"a": "p", "b": "q"}])
    assert new == text.replace(empty, "demos:  # none yet\n  - {a: p, b: q}\n")


def test_text_that_yaml_would_misread_is_quoted() -> None:
    """Numbers, truth values, dates and empty text stay text."""
    demos = [{"problem": text, "team": "x"} for text in ("1e3", "true", "null", "2024-05-01", "")]
    assert "team: x" in rewritten(FILE, demos=demos)


def test_values_that_are_no_text_keep_their_kind() -> None:
    """Numbers, truth values, lists and mappings in demos are plain YAML."""
    demos: list[dict[str, Any]] = [
        {"problem": {"amount": 12.5, "tags": ["a", "b"]}, "team": True},
        {"problem": None, "team": 3},
    ]
    new = rewritten(FILE, demos=demos)
    assert "  - {problem: {amount: 12.5, tags: [a, b]}, team: true}\n" in new


def test_values_yaml_lacks_are_written_as_a_template_shows_them() -> None:
    """A tuple becomes a list, a path its text."""
    state = parse_prompt(FILE, path=PATH)
    demos = [{"problem": ("a", "b"), "team": Path("x/y")}]
    new = rewrite_prompt(FILE, state.with_demos(demos), path=PATH)
    assert "  - {problem: [a, b], team: x/y}\n" in new


def test_a_number_without_end_is_written_as_text() -> None:
    """As a number no prompt file may hold it, and the file could not be loaded any more."""
    new = rewrite_prompt(
        FILE,
        parse_prompt(FILE, path=PATH).with_demos([{"problem": float("nan"), "team": "FIN"}]),
        path=PATH,
    )
    assert parse_prompt(new, path=PATH).demos == ({"problem": "nan", "team": "FIN"},)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_stay(mark: str) -> None:
    """A file from Windows keeps its form, so that the diff shows only what changed."""
    windows = mark + FILE.replace("\n", "\r\n")
    instruction = "Answer with the code.\nNothing else."
    new = rewritten(windows, instruction=instruction)
    assert new == mark + rewritten(FILE, instruction=instruction).replace("\n", "\r\n")


@pytest.mark.parametrize(
    "instruction",
    [
        "  indented\nthen not",
        "\nblank first",
        "ends in blanks  \n\n\n",
        "tabs\tand\ttabs\nmore",
        "next\x85line and \u2028 separators",
        "colour \x1b[31mred",
        "---\n...\n%YAML",
        "# no comment\n# either",
        "no line end",
        "",
    ],
)
def test_awkward_text_survives(instruction: str) -> None:
    """What a block scalar can't hold is quoted instead, and what surrounds it stays."""
    new = rewritten(FILE, instruction=instruction)
    assert new.endswith(FILE[FILE.index("# the summary") :])


def test_an_indented_file_stays_indented() -> None:
    """New lines follow the column of the file's fields."""
    text = "  instruction: x\n  inputs: [a]\n  demos:\n  - {a: 1, b: 2}\n  # last\n  output: b\n"
    new = rewritten(text, instruction="y\nz", demos=[{"a": "p", "b": "q"}])
    assert new == (
        "  instruction: |-\n    y\n    z\n  inputs: [a]\n"
        "  demos:\n    - {a: p, b: q}\n  # last\n  output: b\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{instruction: x, inputs: [a], output: b}  # compact\n",
        "instruction: &same x\ninputs: [a]\noutput: b\ntemplate: *same\n",
        "params: &base {top_p: 1}\ninstruction: x\ninputs: [a]\noutput: b\nmodel: m\n",
        "? instruction\n: x\n? inputs\n: [a]\n? output\n: b\n",
    ],
)
def test_unusual_yaml_is_rewritten_too(text: str) -> None:
    """Documents in braces, with anchors or with explicit keys end up saying the right thing."""
    rewritten(text, instruction="new: text", demos=[{"a": "p", "b": "q"}])


def test_a_file_that_is_wrong_is_not_rewritten() -> None:
    """A mistake in the file is reported as when it is loaded."""
    state = parse_prompt(FILE, path=PATH)
    with pytest.raises(PromptError, match="output"):
        rewrite_prompt("instruction: x\ninputs: [a]\n", state, path=PATH)
