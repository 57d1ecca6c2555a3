"""Candidates are what they contain, whatever they are called."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from pytest_lmopt.errors import PromptError
from pytest_lmopt.strategies.merging import merged
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState

DEMO = {"problem": "charged twice", "team": "FIN"}


def state(**changes: Any) -> PromptState:
    """A prompt from ``problem`` to ``team``, with changes."""
    fields: dict[str, Any] = {
        "instruction": "Name the team.",
        "inputs": ("problem",),
        "outputs": ("team",),
    }
    return PromptState(**{**fields, **changes})


def test_candidates_with_equal_states_are_the_same() -> None:
    """Neither the name nor the order of the prompts makes a difference."""
    one = Candidate(name="one", states={"a": state(), "b": state(demos=(DEMO,))})
    two = Candidate(name="two", states={"b": state(demos=(dict(DEMO),)), "a": state()})

    assert one.digest == two.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"instruction": "Name the team!"},
        {"inputs": ("ticket",)},
        {"outputs": ("code",)},
        {"outputs": ("team", "tone"), "format": "lines"},
        {"template": "{{ problem }}"},
        {"demos": (DEMO,)},
        {"model": "local"},
        {"params": {"temperature": 1}},
        {"reasoning": True},
    ],
)
def test_every_part_of_a_state_counts(changes: dict[str, Any]) -> None:
    """Changing anything a model could notice makes another candidate."""
    assert state(**changes).digest != state().digest
    assert (
        Candidate(name="c", states={"a": state(**changes)}).digest
        != Candidate(name="c", states={"a": state()}).digest
    )


def test_the_format_of_outputs_counts() -> None:
    """Lines and JSON are asked for differently."""
    lines = state(outputs=("team", "tone"), format="lines")

    assert lines.digest != state(outputs=("team", "tone"), format="json").digest


def test_the_order_of_demos_counts() -> None:
    """Models answer differently to the same demos in another order."""
    other = {"problem": "no parcel", "team": "LOG"}

    assert state(demos=(DEMO, other)).digest != state(demos=(other, DEMO)).digest


def test_the_prompts_key_counts() -> None:
    """The same words in another step of the pipeline are another candidate."""
    assert (
        Candidate(name="c", states={"a": state()}).digest
        != Candidate(name="c", states={"b": state()}).digest
    )


def test_the_size_is_what_a_model_reads() -> None:
    """Instruction and demos of all prompts count by the character."""
    shown = len("Name the team.") + len("charged twice") + len("FIN")

    assert state(demos=(DEMO,)).size == shown
    assert Candidate(name="c", states={"a": state(demos=(DEMO,)), "b": state()}).size == (
        shown + len("Name the team.")
    )


def test_with_demos_changes_the_demos_only() -> None:
    """The original stays as it was."""
    before = state(model="local")
    after = before.with_demos([DEMO])

    assert (before.demos, after.demos) == ((), (DEMO,))
    assert after.with_demos([]) == before


def test_merging_takes_reasoning_and_the_demos_that_show_it_together() -> None:
    """One candidate's instruction goes with another's reasoned demos."""
    before = Candidate(name="before", states={"a": state()})
    worded = Candidate(name="worded", states={"a": state(instruction="Which team?")})
    demo = {**DEMO, "reasoning": "It is about money."}
    reasoned = Candidate(name="reasoned", states={"a": state(reasoning=True, demos=(demo,))})

    both = state(instruction="Which team?", reasoning=True, demos=(demo,))
    assert merged(worded, reasoned, before) == {"a": both}
    assert merged(reasoned, worded, before) == {"a": both}


@dataclass
class Page:
    """An input whose repr says nothing."""

    text: str = field(repr=False)


@pytest.mark.parametrize(
    ("value", "equal", "other"),
    [
        (Page("x"), Page("x"), Page("y")),
        ({1: "a"}, {1: "a"}, {"1": "a"}),
        (date(2026, 1, 2), date(2026, 1, 2), date(2026, 1, 3)),
        (math.nan, float("nan"), 0.0),
        ({"b", "a"}, {"a", "b"}, {"a"}),
        (10**6000, 10**6000, 10**6000 + 1),
    ],
    ids=["object", "key", "date", "nan", "set", "digits"],
)
def test_demos_count_by_content(value: object, equal: object, other: object) -> None:
    """Whatever an example's inputs are."""
    digests = [
        state(demos=({"problem": each, "team": "FIN"},)).digest for each in (value, equal, other)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_demo_without_content_is_refused() -> None:
    """Another process could not know it again."""
    with pytest.raises(PromptError, match=r"'demos': demo 1\.problem: .* found .*_thread\.lock"):
        state(demos=({"problem": threading.Lock(), "team": "FIN"},))


def test_a_prompt_keeps_its_digest_while_its_demos_objects_change() -> None:
    """A pipeline may alter the inputs it is given."""
    page = Page("x")
    prompt = state(demos=({"problem": page, "team": "FIN"},))
    page.text = "y"
    assert prompt.digest == state(demos=({"problem": Page("x"), "team": "FIN"},)).digest
