"""Shorter variants of a candidate's prompts."""

from __future__ import annotations

from pytest_lmopt.strategies.shortening import shortened
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import Demo, PromptState


def candidate(instruction: str, demos: int = 0) -> Candidate:
    """One prompt, and a second one with nothing to leave out."""
    shown: list[Demo] = [{"word": f"w{number}", "loud": f"W{number}"} for number in range(demos)]
    state = PromptState(instruction=instruction, inputs=("word",), outputs=("loud",))
    return Candidate(
        name="best", states={"p": state.with_demos(shown), "q": PromptState(
            instruction="Stay.", inputs=("a",), outputs=("b",)
        )}
    )  # fmt: skip


def variants(parent: Candidate) -> dict[str, PromptState]:
    """The first prompt of each variant, by the variant's name."""
    found = {}
    for proposal in shortened(parent):
        assert proposal.candidate.states["q"] == parent.states["q"]
        assert proposal.candidate.size < parent.size
        found[proposal.candidate.name] = proposal.candidate.states["p"]
    return found


def test_demos_go_all_or_by_half() -> None:
    """The instruction stays."""
    found = variants(candidate("Shout.", demos=5))
    assert {name: len(state.demos) for name, state in found.items()} == {
        "best-no-demos": 0,
        "best-half-demos": 2,
    }


def test_a_single_demo_has_no_half() -> None:
    """And what shows none can lose none."""
    assert list(variants(candidate("Shout.", demos=1))) == ["best-no-demos"]
    assert variants(candidate("Shout.")) == {}


def test_each_of_the_last_sentences_goes_by_itself() -> None:
    """The last one first; the rest is unchanged, line ends included."""
    found = variants(candidate("One. Two!\nThree? Four, 1.5 of it.\n"))
    assert [state.instruction for state in found.values()] == [
        "One. Two!\nThree?\n",
        "One. Two!\nFour, 1.5 of it.\n",
        "One. Three? Four, 1.5 of it.\n",
    ]


def test_lines_are_sentences_too() -> None:
    """As in lists."""
    found = variants(candidate("Answer:\n- in capitals\n- briefly"))
    assert [state.instruction for state in found.values()] == [
        "Answer:\n- in capitals",
        "Answer:\n- briefly",
        "- in capitals\n- briefly",
    ]
