"""Instructions are found in whatever a proposer answers, if they are there."""

from __future__ import annotations

import pytest

from pytest_lmopt.strategies.proposing.answers import MOST_CHARACTERS, instructions_in

BOTH = ["shout", "mirror"]


def test_asked_for_is_a_tag_for_each_prompt() -> None:
    """What stands around the tags, and prompts that there are not, are passed over."""
    answer = (
        'Sure!\n<instruction prompt="shout">\nBe loud.\n</instruction>\n'
        '<instruction prompt="mirror">Turn it.</instruction><instruction prompt="x">?</instruction>'
    )
    assert instructions_in(answer, BOTH) == {"shout": "Be loud.", "mirror": "Turn it."}
    assert instructions_in(answer, ["mirror"]) == {"mirror": "Turn it."}


@pytest.mark.parametrize(
    "answer",
    [
        "<instruction>Be loud.</instruction>",
        "<INSTRUCTION prompt='shout'>Be loud.</INSTRUCTION>",
        "<instruction prompt=shout>Be loud.",
        '{"instruction": "Be loud."}',
        'Here: {"shout": "Be loud."} as you wished.',
        "```text\nBe loud.\n```",
        '<instruction prompt="shout">```\nBe loud.\n```</instruction>',
        '<instruction prompt="shout">"Be loud."</instruction>',
        '<instruction prompt="shout">...</instruction><instruction prompt="shout">Be loud.',
        "<instruction>\x00Be \ud800loud.\x1b\r\n</instruction>",
    ],
)
def test_for_one_prompt_many_forms_will_do(answer: str) -> None:
    """Without its name, its closing tag, or as JSON or a fenced block, and cleaned."""
    assert instructions_in(answer, ["shout"]) == {"shout": "Be loud."}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        "Be loud.",
        "<instruction></instruction>",
        '<instruction prompt="shout">...</instruction>',
        '{"shout": 3, "instruction": null} {"unfinished": ',
        "{" * 5000,
        f"<instruction>{'loud ' * MOST_CHARACTERS}</instruction>",
    ],
)
def test_nothing_is_guessed(answer: str | None) -> None:
    """No answer, plain words, dots, other types, nesting without end and runaway text."""
    assert instructions_in(answer, ["shout"]) == {}
