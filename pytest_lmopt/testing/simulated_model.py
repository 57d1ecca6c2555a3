"""A model whose accuracy is known exactly: what it answers depends on the prompt in a known way.

It can do two things, each asked for by a word in the instruction: ``SHOUT`` (upper case) and
``MIRROR`` (backwards). Every question has a difficulty, uniform in [0, 1) by a hash; the model
is right where its skill exceeds that. Skill is ``base``, plus ``per_demo`` for each right demo up
to four, plus ``bonus`` if the instruction says "carefully", plus ``insight`` if it is to think
before its final answer, which it then does. Told the right answer, it knows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Chat = Sequence[tuple[str, str]]
"""(role, content) of each message."""

FINAL = "Final answer:"

TASKS: dict[str, Callable[[str], str]] = {"SHOUT": str.upper, "MIRROR": lambda text: text[::-1]}


@dataclass(frozen=True, kw_only=True)
class SimulatedModel:
    """A deterministic function of the chat messages."""

    base: float = 0.3
    per_demo: float = 0.1
    bonus: float = 0.0
    insight: float = 0.0
    seed: int = 0
    fickle: bool = False

    def answer(self, chat: Chat) -> str:
        """The right answer where skill suffices, else "no idea"."""
        instruction, question = chat[0][1], chat[-1][1]
        task = next((name for name in TASKS if name in instruction), None)
        if task is None:
            return "no idea"
        right = TASKS[task]
        questions, answers = chat[1:-1:2], chat[2:-1:2]
        demos = sum(
            right(asked[1]) == told[1].rpartition(FINAL)[2].strip()
            for asked, told in zip(questions, answers, strict=True)
        )
        skill = self.base + self.per_demo * min(demos, 4)
        skill += self.bonus if "carefully" in instruction else 0.0
        skill += self.insight if FINAL in instruction else 0.0
        skill += 1.0 if repr(right(question)) in instruction else 0.0
        prompt = repr(chat[:-1]) if self.fickle else ""
        known = self._difficulty(task, prompt, question) < skill
        thought = f"I am to {task.lower()} {question!r}.\n{FINAL} " if FINAL in instruction else ""
        return thought + (right(question) if known else "no idea")

    def _difficulty(self, task: str, prompt: str, question: str) -> float:
        name = f"{self.seed}/{task}/{prompt}/{question}"
        bits = hashlib.sha256(name.encode()).digest()[:8]
        return float(int.from_bytes(bits, "big")) / 2**64
