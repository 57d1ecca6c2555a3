"""The model asked for instructions, whoever asks.

It answers with a draw of the task's sentences. Each has a weight, at first the same for all; what
the request shows changes the weights by rules that know nothing of who asks:

- A failing run together with its right answer or feedback is evidence: the useful sentences' weight
  grows with each (to 4 times at ``ENOUGH``). The conditional task's rule is known only from such a
  run of an item that needs it. A run that went right, or an example alone, counts a fifth.
- Scores of earlier instructions are evidence: a sentence's weight grows or falls exponentially with
  the mean score of the instructions that had it, compared with those that had not.
- It goes on from the instruction to be rewritten, where one stands there without a score, else from
  the one with the best score: what that holds is mostly kept.

A task that ``copies`` tempts: who shows answers may get them back as part of an instruction.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from parity.tasks import SENTENCES
from parity.world import Messages, World

ENOUGH = 6
KEEP = 0.8
SHARPNESS = 8.0
"""How strongly scores move weights: e to the power of this times the difference."""

_SCORE = re.compile(
    r"(?:scor|gain)\w*\W{0,12}?(?:#\d+\W{0,3})?([+-]?\d+(?:\.\d+)?)(\s?%|\spoints)?", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a request shows: failing runs put right, other examples, scored instructions.

    ``start`` are the sentences of the instruction to go on from.
    """

    failures: tuple[int, ...]
    examples: tuple[int, ...]
    scored: tuple[tuple[frozenset[int], float], ...]
    start: frozenset[int]

    @property
    def strength(self) -> float:
        """1 without evidence from runs, 4 with plenty."""
        return 1 + 3 * min(1.0, (len(self.failures) + len(self.examples) / 5) / ENOUGH)


class Proposer:
    """Answers requests that are no task's question; equal requests get fresh draws in turn."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._times: Counter[str] = Counter()

    def replies(self, messages: Messages, n: int) -> list[str]:
        """``n`` answers, in the form the request asks for."""
        text = "\n".join(message["content"] for message in messages)
        replies = []
        for _ in range(n):
            self._times[text] += 1
            chance = random.Random(f"{self._world.seed}/{self._times[text]}/{text}")
            replies.append(self._formatted(text, chance))
        return replies

    def evidence(self, text: str, step: int) -> Evidence:
        """What can be learnt from a request about one step's prompt."""
        items = {int(number) for number in re.findall(r"(?:Ticket|Note) (\d+)", text)}
        failing = {item for item in items if self._put_right(item, text)}
        shown = self._shown(text, step)
        scored = [(sentences, score) for sentences, score in shown if score is not None]
        start: frozenset[int] = max(scored, key=lambda each: each[1])[0] if scored else frozenset()
        return Evidence(
            failures=tuple(sorted(failing)),
            examples=tuple(sorted(items - failing)),
            scored=tuple(scored),
            start=next((sentences for sentences, score in shown if score is None), start),
        )

    def instruction(self, text: str, step: int, chance: random.Random) -> str:
        """A new instruction for a step."""
        world, task = self._world, self._world.task
        evidence = self.evidence(text, step)
        weights = {}
        for number, effect in world.effects[step].items():
            useful = effect > 0 or (task.both > 0 and number == world.keys[step])
            weights[number] = (evidence.strength if useful else 1.0) * _credit(number, evidence)
        if any(world.special(item) for item in evidence.failures):
            weights[-1] = evidence.strength * _credit(-1, evidence)
        chosen = [
            number
            for number in sorted(evidence.start)
            if chance.random() < KEEP * min(1.0, _credit(number, evidence))
        ]
        for _ in range(chance.randint(1, 3)):
            left = {n: weight for n, weight in weights.items() if n not in chosen}
            if left:
                chosen += chance.choices(list(left), list(left.values()))
        sentences = [task.text(number, step) for number in chosen]
        if task.copies and evidence.failures and chance.random() < 0.7:
            sentences += [
                f"Ticket {item} gets {world.right(item)}." for item in evidence.failures[:8]
            ]
        return " ".join([task.roles[step], *sentences])

    def _formatted(self, text: str, chance: random.Random) -> str:
        tags = list(dict.fromkeys(re.findall(r"<instruction prompt=\W?(\w+)", text)))
        if tags:
            return "\n".join(
                f'<instruction prompt="{tag}">{self.instruction(text, step, chance)}</instruction>'
                for tag in tags
                if (step := self._step_called(tag)) is not None
            )
        marked = re.findall(r"`\[\[ ## (\w+) ## \]\]`", text.rpartition("Respond with")[2])
        if marked:
            body = "\n\n".join(
                f"[[ ## {name} ## ]]\n{self._field(name, text, chance)}"
                for name in marked
                if name != "completed"
            )
            return f"{body}\n\n[[ ## completed ## ]]"
        if "Respond with a JSON object" in text:
            names = re.findall(r"`(\w+)`", text.rpartition("Respond with a JSON object")[2])
            return json.dumps({name: self._field(name, text, chance) for name in names})
        return f"```\n{self.instruction(text, self.step(text), chance)}\n```"

    def _field(self, name: str, text: str, chance: random.Random) -> str:
        if name.endswith("_instruction"):
            return self.instruction(text, self.step(text), chance)
        if "prefix" in name:
            return "Code:"
        # a summary hands on what was seen: its reader is shown as many examples
        items = self.evidence(text, 0).examples[:10]
        return "Customers' tickets, and the code of each: " + ", ".join(
            f"Ticket {i}" for i in items
        )

    def step(self, text: str) -> int:
        """Which step's instruction a request asks for: the role named last in it."""
        roles = self._world.task.roles
        return max(range(len(roles)), key=lambda step: text.rfind(roles[step]))

    def _step_called(self, name: str) -> int | None:
        """The step whose output has a name."""
        names = ["code"] if self._world.task.steps == 1 else ["note", "code"]
        return names.index(name) if name in names else None

    def _put_right(self, item: int, text: str) -> bool:
        """Whether a request shows a failing run of an item together with what would be right."""
        right = self._world.right(item)
        if self._world.task.graded:
            return f"{right} (grade " in text
        return right in text and (
            self._world.wrong(item) in text or f"the right code is {right}" in text
        )

    def _sentences(self, text: str, step: int) -> frozenset[int]:
        numbers = range(-1 if self._world.task.special else 0, len(SENTENCES))
        return frozenset(n for n in numbers if self._world.task.text(n, step) in text)

    def _shown(self, text: str, step: int) -> list[tuple[frozenset[int], float | None]]:
        """A step's instructions in a request, each with its score, if one follows it.

        An instruction is a line that begins with the step's role; a score that comes after an item
        is that of a run.
        """
        role = self._world.task.roles[step]
        places = [match.start() for match in re.finditer(re.escape(role), text)]
        found = []
        for start, end in pairwise([*places, len(text)]):
            line, _, after = text[start:end].partition("\n")
            score = _SCORE.search(re.split(r"(?:Ticket|Note) \d", after)[0])
            value = None
            if score is not None:
                percent = score[2] or abs(float(score[1])) > 1
                value = float(score[1]) / (100 if percent else 1)
            found.append((self._sentences(line, step), value))
        return found


def _credit(number: int, evidence: Evidence) -> float:
    """e^(sharpness × (mean score with the sentence − mean score without it))."""
    having = [score for sentences, score in evidence.scored if number in sentences]
    lacking = [score for sentences, score in evidence.scored if number not in sentences]
    if not having or not lacking:
        return 1.0
    difference = sum(having) / len(having) - sum(lacking) / len(lacking)
    return math.exp(max(-4.0, min(4.0, SHARPNESS * difference)))
