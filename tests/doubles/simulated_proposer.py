"""A model that writes instructions: what it proposes is a seeded draw, so its worth is known.

For each prompt it is asked about, named like the task in small letters (``shout``, ``mirror``), it
writes an instruction for that task with a random adverb, one of which ``SimulatedModel`` rewards.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from pytest_lmopt.testing.simulated_model import Chat
from pytest_lmopt.wire import Request

MODEL = "proposer"
"""The name it is asked by."""

ADVERBS = ("carefully", "quickly", "loudly", "politely", "gladly", "twice")


@dataclass(frozen=True, kw_only=True)
class SimulatedProposer:
    """A deterministic function of question and draw."""

    seed: int = 0
    adverbs: tuple[str, ...] = ADVERBS

    def answer(self, question: str, draw: int = 0) -> str:
        """An instruction for each prompt that the question asks for."""
        names = dict.fromkeys(re.findall(r'<instruction prompt="(.+?)">', question))
        chance = random.Random(f"{self.seed}/{question}/{draw}")
        return "Here you are.\n" + "\n".join(
            f'<instruction prompt="{name}">{name.upper()} it {chance.choice(self.adverbs)}, '
            f"take {chance.randrange(1000)}.</instruction>"
            for name in names
        )


def beside(
    proposer: SimulatedProposer, model: Callable[[Request], str]
) -> Callable[[Request], str]:
    """One function for a proposer and the pipeline's model."""

    def answer(request: Request) -> str:
        if request.model == MODEL:
            return proposer.answer(request.messages[0].content, request.repeat)
        return model(request)

    return answer


def served(proposer: SimulatedProposer, model: Callable[[Chat], str]) -> Callable[[Chat], str]:
    """The same as a function of the chat alone: a proposer's chat has no instruction."""
    draws = itertools.count()

    def answer(chat: Chat) -> str:
        ((role, question), *more) = chat
        return model(chat) if role == "system" or more else proposer.answer(question, next(draws))

    return answer
