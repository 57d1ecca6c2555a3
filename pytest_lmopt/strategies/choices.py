"""What each prompt of a pipeline can be: any of some instructions, with any of some demo sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import Demo, PromptState

Choice = Mapping[str, int]
"""For each parameter, which of its values: 0 is the incumbent's own."""

DemoSet = tuple[Demo, ...]


def instruction_of(key: str) -> str:
    """The parameter that says which instruction a prompt has."""
    return f"instruction of {key}"


def demos_of(key: str) -> str:
    """The parameter that says which demo set a prompt shows."""
    return f"demos of {key}"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Instructions and demo sets by prompt key, those of ``incumbent`` first."""

    incumbent: Candidate
    instructions: Mapping[str, Sequence[str]]
    demos: Mapping[str, Sequence[DemoSet]]

    @property
    def sizes(self) -> dict[str, int]:
        """How many values each parameter has: two parameters for each prompt."""
        return {
            **{instruction_of(key): len(texts) for key, texts in self.instructions.items()},
            **{demos_of(key): len(sets) for key, sets in self.demos.items()},
        }

    def candidate(self, choice: Choice, *, name: str) -> Candidate:
        """The candidate that a choice stands for."""
        return Candidate(
            name=name,
            states={
                key: replace(
                    state,
                    instruction=self.instructions[key][choice[instruction_of(key)]],
                    demos=self.demos[key][choice[demos_of(key)]],
                )
                for key, state in self.incumbent.states.items()
            },
        )

    def choice_of(self, candidate: Candidate) -> Choice | None:
        """The choice that stands for a candidate; None if none does."""
        choice = {}
        for key, own in self.incumbent.states.items():
            state = candidate.states.get(key, own)
            demos = tuple(state.demos)
            if state.instruction not in self.instructions[key] or demos not in self.demos[key]:
                return None
            choice[instruction_of(key)] = self.instructions[key].index(state.instruction)
            choice[demos_of(key)] = self.demos[key].index(demos)
        return choice


def choices_of(
    incumbent: Candidate,
    written: Iterable[Mapping[str, Sequence[str]]],
    demonstrated: Iterable[Mapping[str, PromptState]],
) -> Choices:
    """Instructions by prompt key, as they were written, and the demo sets of some states.

    Each once, after the incumbent's own, which are always there, as is showing no demos.
    """
    written, demonstrated = list(written), list(demonstrated)
    instructions: dict[str, list[str]] = {}
    demos: dict[str, list[DemoSet]] = {}
    for key, state in incumbent.states.items():
        texts = {text.strip(): text for each in written for text in each[key]}
        texts.pop(state.instruction.strip(), None)
        instructions[key] = [state.instruction, *texts.values()]
        demos[key] = []
        for shown in (state.demos, (), *(states[key].demos for states in demonstrated)):
            if tuple(shown) not in demos[key]:
                demos[key].append(tuple(shown))
    return Choices(incumbent=incumbent, instructions=instructions, demos=demos)
