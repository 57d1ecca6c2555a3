"""A candidate: one way the whole pipeline's prompts could be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pytest_lmopt.canonical import digest
from pytest_lmopt.suites.prompt_state import PromptState


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A named set of prompt states, by prompt key.

    A prompt the pipeline calls that is not in ``states`` runs as it is written, so the incumbent
    may start out empty: which prompts a pipeline has is learnt from its traces.
    """

    name: str
    states: Mapping[str, PromptState]

    @cached_property
    def digest(self) -> str:
        """Identity by content: two candidates with the same states are the same candidate."""
        return digest({key: state.digest for key, state in self.states.items()})

    @property
    def size(self) -> int:
        """Characters of all prompts together."""
        return sum(state.size for state in self.states.values())
