"""The model of one task and seed: reads a prompt, knows its true score, answers an item.

An answer is a function of the seed, the item and the prompt's text alone. Each item has a
difficulty that all prompts share, and each (item, prompt) a deviation of its own: both are normal,
with ``SHARED`` of the variance common, so that the probability of a right answer is exactly the
task's rate, and scores of different prompts are correlated, as those of real models are.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from parity.examples import labelled
from parity.tasks import SENTENCES, Rates, Seen, Task, clip

Messages = Sequence[Mapping[str, str]]

SHARED = 0.6
SPREAD = 0.4
"""Width of a judge's grades around the true mean."""

QUESTION = re.compile(
    r"\s*(?:\[\[ ## \w+ ## \]\]\s*)?(Ticket|Note) (\d+)\b(?:/(-?\d+)/(\d)/(\w+))?"
)
WORDS = ("parcel", "invoice", "refund", "password", "voucher", "delivery", "size", "colour")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A task's question: its step, its item, and what an earlier step's note carries.

    ``gain`` and ``key`` are the first step's effect on accuracy and whether its best sentence was
    there, ``print`` its prompt's fingerprint.
    """

    step: int
    item: int
    gain: float = 0.0
    key: bool = False
    print: str = ""


class World:
    """One task under one seed."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task = task
        self.seed = seed
        self._read: dict[str, Seen] = {}

    @cached_property
    def items(self) -> Sequence[int]:
        """The labelled items, which every method gets, in an order of the seed's."""
        return labelled(self.seed)

    @cached_property
    def effects(self) -> tuple[Mapping[int, float], ...]:
        """Effect of each sentence, for each step."""
        return tuple(self.task.dealt(self.seed, step) for step in range(self.task.steps))

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """The sentence of each step that matters most."""
        gains = self.task.gains
        return tuple(next(iter(effects)) if gains else -2 for effects in self.effects)

    def question(self, item: int) -> str:
        """What the pipeline is given for an item."""
        word = WORDS[int(self._uniform("word", item) * len(WORDS))]
        abroad = ", sent from abroad" if self.special(item) else ""
        return f"Ticket {item}: about a {word}{abroad}"

    def right(self, item: int) -> str:
        """The right answer for an item."""
        return f"C-{self._hex('right', item)}"

    def wrong(self, item: int) -> str:
        """The wrong answer the model gives for it."""
        return f"W-{self._hex('wrong', item)}"

    def special(self, item: int) -> bool:
        """Whether an item needs the rule."""
        return self._uniform("special", item) < self.task.special

    def feedback(self, item: int, answer: str) -> str:
        """What a metric says of an answer, the same to everyone."""
        if self.task.graded:
            return f"graded {self.score(item, answer):.2f}"
        if self.right(item) in answer:
            return "right"
        why = " It came from abroad." if self.special(item) else ""
        return f"wrong: the right code is {self.right(item)}.{why}"

    def score(self, item: int, answer: str) -> float:
        """The metric: 0 or 1, or the judge's grade in a graded task."""
        if self.task.graded:
            grade = re.search(r"grade (\d+\.\d+)", answer)
            return float(grade[1]) if grade else 0.0
        return float(self.right(item) in answer)

    def asked(self, messages: Messages) -> Asked | None:
        """The question of a task's request; None for any other request."""
        found = QUESTION.match(messages[-1]["content"])
        if found is None:
            return None
        kind, item, gain, key, fingerprint = found.groups()
        if kind == "Ticket" or self.task.steps == 1:
            return Asked(step=0, item=int(item))
        return Asked(
            step=1,
            item=int(item),
            gain=int(gain or 0) / 10**4,
            key=key == "1",
            print=fingerprint or "",
        )

    def seen(self, step: int, messages: Messages) -> Seen:
        """What a prompt, all messages but the question, holds."""
        shown = "\x00".join(message["content"] for message in messages[:-1])
        key = f"{step}{shown}"
        if key not in self._read:
            self._read[key] = self._seen(step, messages)
        return self._read[key]

    def rates(self, asked: Asked, seen: Seen) -> Rates:
        """Probability of a right final answer, if this prompt makes the last step."""
        return self._rates(self.gain(asked.step, seen) + asked.gain, asked, seen)

    def gain(self, step: int, seen: Seen) -> float:
        """What a step's prompt adds to the base, for ordinary items."""
        task = self.task
        gain = sum(self.effects[step].get(number, 0.0) for number in seen.sentences)
        useful = sum(self._uniform("useful", item) < task.useful for item in seen.demos)
        gain += task.demo * min(useful, task.most_demos) + task.clutter * len(seen.demos)
        gain += task.told_loss * len(seen.told)
        return gain + task.per_word * max(0, seen.words - task.free_words)

    def reply(self, asked: Asked, seen: Seen, fingerprint: str) -> str:
        """The model's answer, or the first step's note."""
        if asked.step + 1 < self.task.steps:
            key = int(self.keys[0] in seen.sentences)
            gain = round(self.gain(asked.step, seen) * 10**4)
            return f"Note {asked.item}/{gain}/{key}/{fingerprint[:6]}: as the customer says"
        rates = self.rates(asked, seen)
        rate = rates.special if self.special(asked.item) else rates.ordinary
        if self.task.copies and (asked.item in seen.demos or asked.item in seen.told):
            rate = 0.98
        luck = self._luck(asked.item, f"{fingerprint}/{asked.print}")
        if self.task.graded:
            return f"{self.right(asked.item)} (grade {rate + SPREAD * (luck - 0.5):.4f})"
        return self.right(asked.item) if luck < rate else self.wrong(asked.item)

    def _rates(self, gain: float, asked: Asked, seen: Seen) -> Rates:
        task = self.task
        if asked.step == 1 and asked.key and self.keys[1] in seen.sentences:
            gain += task.both
        shown = sum(self.special(item) for item in seen.demos)
        special = task.special_base + task.special_demo * min(shown, 3)
        special = max(special, task.special_base + task.rule * (-1 in seen.sentences))
        low, high = (SPREAD / 2, 1 - SPREAD / 2) if task.graded else (0.0, 1.0)
        return Rates(
            ordinary=min(high, max(low, clip(task.base + gain))),
            special=clip(special + gain),
            share=task.special,
        )

    def _seen(self, step: int, messages: Messages) -> Seen:
        instruction = instruction_of(messages)
        plain = _plain(instruction)
        numbers = range(-1 if self.task.special else 0, len(SENTENCES))
        demos = tuple(
            int(found[2])
            for message in messages[:-1]
            if message["role"] == "user" and (found := QUESTION.match(message["content"]))
        )
        told = (int(found[1]) for found in re.finditer(r"Ticket (\d+) gets", instruction))
        return Seen(
            sentences=frozenset(n for n in numbers if _plain(self.task.text(n, step)) in plain),
            demos=demos,
            told=frozenset(item for item in told if self.right(item) in instruction),
            words=len(instruction.split()) + 8 * len(demos),
        )

    def _luck(self, item: int, prompt: str) -> float:
        shared = NormalDist().inv_cdf(self._uniform("difficulty", item))
        own = NormalDist().inv_cdf(self._uniform(prompt, item))
        return NormalDist().cdf(math.sqrt(SHARED) * shared + math.sqrt(1 - SHARED) * own)

    def _uniform(self, name: str, item: int) -> float:
        bits = hashlib.sha256(f"{self.task.name}/{self.seed}/{name}/{item}".encode()).digest()
        return (int.from_bytes(bits[:7], "big") + 0.5) / 2**56

    def _hex(self, name: str, item: int) -> str:
        return hashlib.sha256(f"{self.seed}/{name}/{item}".encode()).hexdigest()[:5]


def instruction_of(messages: Messages) -> str:
    """The instruction: the system message, of DSPy's the part that holds it."""
    system = "\n".join(m["content"] for m in messages[:-1] if m["role"] == "system")
    return system.rpartition("your objective is:")[2]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
