"""The tasks: how right the model is under a prompt, as an exact function of what the prompt holds.

Every task has the same items and, for each step, twelve sentences an instruction may contain. Which
of them help is drawn anew for each seed, so no method can know it beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

SENTENCES = (
    "Read the whole {thing} before you decide.",
    "Weigh the first words of the {thing} most.",
    "Look for the product that the {thing} names.",
    "Pass over greetings and signatures.",
    "Ask yourself what the customer wants to happen next.",
    "Prefer the more specific one of two codes.",
    "If two codes fit, take that of the earlier event.",
    "Treat numbers in the {thing} as hints.",
    "Write the code and nothing else.",
    "Answer as a senior clerk would.",
    "Be brief and exact.",
    "Check your answer once more before you give it.",
)
RULE = "A {thing} from abroad gets the code that customs uses for it."
STEPS = ("ticket", "note")
ROLES = {
    "one": ("Give the code for the ticket.",),
    "two": ("Sum the ticket up in a note.", "Give the code for the note."),
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a step's prompt holds, as far as it matters for the answers.

    ``sentences`` are the numbers of those found in the instruction (the rule is number -1),
    ``demos`` the items shown as worked examples, ``told`` those whose code stands in the
    instruction itself, ``words`` the length of instruction and demos.
    """

    sentences: frozenset[int] = frozenset()
    demos: tuple[int, ...] = ()
    told: frozenset[int] = frozenset()
    words: int = 0


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task. ``base`` is the incumbent's accuracy, all other numbers are added to it.

    ``gains`` are the effects of the twelve sentences, dealt out by seed; ``demo`` that of each
    useful demo, up to ``most_demos``, where a share ``useful`` of all items makes a useful one, and
    ``clutter`` that of any demo. ``both`` is added where the first-listed (best) sentence of either
    step stands in both prompts. A share ``special`` of the items is answered right with
    probability ``special_base`` instead, unless the rule is told or special demos are shown. Past
    ``free_words`` each word costs ``per_word``. With ``copies`` the model repeats answers it has
    been shown for the same item, and proposers that see answers like to put them into the
    instruction, ``told_loss`` each. A ``graded`` task is scored by a noisy judge.
    """

    name: str
    story: str
    base: float
    gains: tuple[float, ...] = ()
    steps: int = 1
    demo: float = 0.0
    most_demos: int = 4
    useful: float = 1.0
    clutter: float = 0.0
    both: float = 0.0
    special: float = 0.0
    special_base: float = 0.0
    rule: float = 0.0
    special_demo: float = 0.0
    free_words: int = 10**6
    per_word: float = 0.0
    copies: bool = False
    told_loss: float = 0.0
    graded: bool = False
    headroom: bool = True
    real: tuple[str, ...] = ()

    def dealt(self, seed: int, step: int) -> Mapping[int, float]:
        """Effect of each sentence of a step, by its number."""
        gains = [*self.gains, *[0.0] * (len(SENTENCES) - len(self.gains))]
        order = list(range(len(SENTENCES)))
        random.Random(f"{self.name}/{seed}/{step}").shuffle(order)
        return dict(zip(order, gains, strict=True))

    def text(self, number: int, step: int) -> str:
        """A sentence as instructions have it; -1 is the rule."""
        sentence = RULE if number < 0 else SENTENCES[number]
        return sentence.format(thing=STEPS[step])

    @property
    def roles(self) -> tuple[str, ...]:
        """The incumbent's instruction of each step; ``real`` are a real task's."""
        return self.real or ROLES["one" if self.steps == 1 else "two"]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Probability of a right answer, for ordinary and special items, before noise and copying."""

    ordinary: float
    special: float
    share: float = field(repr=False)

    @property
    def mean(self) -> float:
        """The true score: over all items there could be."""
        return (1 - self.share) * self.ordinary + self.share * self.special


def clip(value: float) -> float:
    """A probability that is never quite certain."""
    return min(0.97, max(0.03, value))


BAD = (-0.06, -0.05, -0.05, -0.04)
TASKS = {
    task.name: task
    for task in (
        Task(name="null", story="nothing helps or harms", base=0.6, headroom=False),
        Task(
            name="all-worse",
            story="every change harms",
            base=0.7,
            gains=(-0.03, -0.03, -0.04, -0.04, -0.05, -0.05, -0.06, -0.06, *(-0.08,) * 4),
            clutter=-0.03,
            headroom=False,
        ),
        Task(
            name="demos-only",
            story="only demos help, and only half of the items make good ones",
            base=0.45,
            gains=(0.0,) * 8 + BAD,
            demo=0.09,
            useful=0.5,
        ),
        Task(
            name="conditional rule",
            story="a third of the items needs a rule that only failing runs with feedback reveal",
            base=0.72,
            gains=(0.03, *(0.0,) * 7, *BAD),
            special=0.35,
            special_base=0.1,
            rule=0.65,
            special_demo=0.1,
        ),
        Task(
            name="two-step additive",
            story="both steps can gain, each for itself",
            base=0.4,
            gains=(0.12, 0.06, *(0.0,) * 6, *BAD),
            steps=2,
            demo=0.02,
        ),
        Task(
            name="two-step epistatic",
            story="one sentence in each step: alone they cost a little, together they gain",
            base=0.45,
            gains=(-0.02, *(0.0,) * 7, *BAD),
            steps=2,
            both=0.34,
            demo=0.015,
        ),
        Task(
            name="overfit trap",
            story="copied answers help on the copied items and harm elsewhere",
            base=0.5,
            gains=(0.14, *(0.0,) * 7, *BAD),
            clutter=-0.015,
            copies=True,
            told_loss=-0.03,
        ),
        Task(
            name="noisy judge",
            story="a judge's grades, with noise of its own",
            base=0.45,
            gains=(0.12, 0.07, *(0.0,) * 6, *BAD),
            demo=0.015,
            graded=True,
        ),
        Task(
            name="long-prompt penalty",
            story="some sentences help, but every word past 40 costs",
            base=0.5,
            gains=(0.12, 0.09, 0.06, *(0.0,) * 7, -0.05, -0.05),
            demo=0.01,
            free_words=40,
            per_word=-0.003,
        ),
    )
}
