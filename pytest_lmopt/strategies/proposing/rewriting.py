"""New instructions from a proposer, and the candidates they make."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_lmopt.strategies.proposing.answers import instructions_in
from pytest_lmopt.strategies.proposing.leakage import copied
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Trial
from pytest_lmopt.suites.candidate import Candidate

MOST_CHARACTERS = 20_000
"""Of all old instructions shown together; those that did worst are left out first."""

DOUBT = 8
"""So many examples without any difference are added to those a candidate was raced on."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """Instructions by prompt name, and the score on dev, in percent, of the best use of them."""

    instructions: Mapping[str, str]
    score: int


def best(history: History) -> Candidate:
    """The candidate that beat the incumbent on dev by most so far, else the incumbent."""
    for trial in history.trials:
        if trial.difference > 0.0:
            found = trial.proposal.candidate
            return replace(found, states={**history.candidate.states, **found.states})
    return history.candidate


def gain(trial: Trial) -> float:
    """A candidate's paired difference to the incumbent, shrunk the more the fewer examples it met.

    Else one that left the race early, with some luck, would seem better than the one that won it.
    """
    return trial.difference * trial.n / (trial.n + DOUBT)


def tried(history: History, names: Mapping[str, str], *, most: int) -> list[Tried]:
    """The ``most`` best instructions so far of the prompts in ``names`` (key → name), worst first.

    A score is the incumbent's plus the candidate's gain over it, since candidates that left the
    race early met other examples than those that stayed.
    """
    mean = history.incumbent.mean if history.incumbent.scores else 0.0
    candidates = [(history.candidate, 0.0)]
    candidates += [(trial.proposal.candidate, gain(trial)) for trial in history.trials]
    scores: dict[tuple[str, ...], int] = {}
    for candidate, difference in candidates:
        states = {**history.candidate.states, **candidate.states}
        texts = tuple(states[key].instruction.strip() for key in names)
        score = round(100 * min(1.0, max(0.0, mean + difference)))
        scores[texts] = max(score, scores.get(texts, 0))
    left = MOST_CHARACTERS
    found: list[Tried] = []
    for texts, score in sorted(scores.items(), key=lambda item: item[1], reverse=True)[:most]:
        left -= sum(map(len, texts))
        if left < 0 and found:
            break
        instructions = dict(zip(names.values(), texts, strict=True))
        found.append(Tried(instructions=instructions, score=score))
    return found[::-1]


def turn_of(trial: Trial) -> int:
    """The turn of its strategy in which a candidate was proposed, by its name: ``opro-TURN-3``."""
    found = re.fullmatch(r"[a-z]+-(\d+)-\d+", trial.proposal.candidate.name)
    return int(found[1]) if found else 0


def next_turn(history: History) -> int:
    """The turn that a strategy is about to have, counted from 1."""
    return 1 + max(map(turn_of, history.trials), default=0)


def instructed(candidate: Candidate, instructions: Mapping[str, str], *, name: str) -> Candidate:
    """``candidate`` with new instructions for the prompts that ``instructions`` has by key."""
    states = dict(candidate.states)
    for key, text in instructions.items():
        if text != states[key].instruction.strip():
            states[key] = replace(states[key], instruction=text)
    return Candidate(name=name, states=states)


async def ask_all(bench: Bench, questions: Sequence[tuple[str, int]]) -> list[str | None]:
    """The answers to all (question, draw) pairs, asked at once, in the order of the pairs."""
    asked = (bench.ask(question, draw=draw) for question, draw in questions)
    # one that fails must not leave the others running behind the search's back
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


async def rewritten(
    history: History,
    bench: Bench,
    question: str,
    names: Mapping[str, str],
    *,
    name: str,
    draws: int,
    first_draw: int,
) -> list[Proposal]:
    """The best candidate so far with the instructions that each answer to ``question`` holds.

    ``names`` (key → name) are those of the prompts asked about; one that an answer leaves out
    stays as it is. Only what is new and copies no answer of train. Draws are numbered from
    ``first_draw``; where none brought anything new, as many others are drawn, once.
    """
    base = best(history)
    known = {history.candidate.digest}
    known |= {trial.proposal.candidate.digest for trial in history.trials}
    for start in (first_draw, first_draw + draws):
        answers = await ask_all(bench, [(question, start + number) for number in range(draws)])
        fresh: list[Proposal] = []
        for answer in answers:
            texts = instructions_in(answer, list(names.values()))
            new = {key: texts[short] for key, short in names.items() if short in texts}
            candidate = instructed(base, new, name=f"{name}-{len(fresh) + 1}")
            if candidate.digest in known or copied(candidate, history.candidate, history.train):
                continue
            known.add(candidate.digest)
            written = ", ".join(names[key] for key in new)
            fresh.append(Proposal(candidate=candidate, reason=f"new instruction for {written}"))
        if fresh or all(answer is None for answer in answers):
            return fresh
    bench.explain("the proposer wrote no instruction that is new and copies no answer of train")
    return []
