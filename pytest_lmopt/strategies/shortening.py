"""Shortening: the same prompts with less in them, for searches that prefer shorter ones.

Compare CAPO's length penalty (arXiv 2504.16005), which weighs length against score; here a shorter
prompt has to be shown not to be worse by more than the suite's margin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pytest_lmopt.strategies.confirming import Rule, choose
from pytest_lmopt.strategies.protocol import Bench, History, Proposal
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.prompt_state import PromptState

LAST_SENTENCES = 3
"""So many of a prompt's last sentences are left out, one at a time."""

FIELD = 4
"""Shortened candidates for whose race calls are set aside."""

_SENTENCE = re.compile(r"\S.*?(?:[.!?](?=\s)|(?=\n)|\Z)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Shortening:
    """Variants of the candidate that would be confirmed now, and of the incumbent.

    It goes on from what it found; what is as short as it can be without loss ends it. ``groups``
    are those of dev.
    """

    rule: Rule
    groups: Mapping[str, str] | None

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:  # noqa: ARG002
        """All variants; those raced before are not raced again."""
        best = choose(history.trials, history.incumbent, self.rule, groups=self.groups)
        parents = [best.proposal.candidate] if best else []
        return [each for parent in (*parents, history.candidate) for each in shortened(parent)]


def shortened(parent: Candidate) -> Iterator[Proposal]:
    """Without demos, with half of them, without each of the last sentences of each instruction."""

    def variant(
        name: str, without: str, change: Callable[[PromptState], PromptState], *keys: str
    ) -> Proposal:
        states = {
            key: change(state) if key in keys else state for key, state in parent.states.items()
        }
        return Proposal(
            candidate=Candidate(name=f"{parent.name}-{name}", states=states),
            reason=f"{parent.name} without {without}",
        )

    showing = [key for key, state in parent.states.items() if state.demos]
    if showing:
        yield variant("no-demos", "its demos", lambda state: state.with_demos(()), *showing)
    if any(len(parent.states[key].demos) > 1 for key in showing):
        yield variant("half-demos", "half of its demos", _halved, *showing)
    number = 0
    for key, state in parent.states.items():
        for sentence, rest in _less(state.instruction):
            number += 1
            yield variant(f"less-{number}", repr(sentence), partial(_saying, rest), key)


def _halved(state: PromptState) -> PromptState:
    return state.with_demos(state.demos[: len(state.demos) // 2 or 1])


def _saying(instruction: str, state: PromptState) -> PromptState:
    return replace(state, instruction=instruction)


def _less(instruction: str) -> Iterator[tuple[str, str]]:
    """Each of the last sentences, and the instruction without it, as long as one is left."""
    sentences = list(_SENTENCE.finditer(instruction))
    if len(sentences) < 2:
        return
    for sentence in reversed(sentences[-LAST_SENTENCES:]):
        before, after = instruction[: sentence.start()], instruction[sentence.end() :]
        # the white space that followed goes with it, the line end of the last one stays
        rest = before + after.lstrip() if after.strip() else before.rstrip() + after
        yield sentence[0], rest
