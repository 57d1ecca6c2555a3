"""Instructions written one at a time: for each prompt several, each after another tip.

After the grounded proposer of MIPRO (Opsahl-Ong et al. 2024, arXiv 2406.11695), which is told here
also what went wrong and what earlier instructions brought.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.strategies.proposing.answers import instructions_in
from pytest_lmopt.strategies.proposing.evidence import Step, shown, told
from pytest_lmopt.strategies.proposing.leakage import copied
from pytest_lmopt.strategies.proposing.meta_prompts import meta_prompt
from pytest_lmopt.strategies.proposing.rewriting import ask_all, gain, instructed, turn_of
from pytest_lmopt.strategies.protocol import Bench, History, Trial

TIPS = (
    "Be simple: use as few and as plain words as will do.",
    "Start from the runs that went wrong: state the rules that would have prevented it.",
    "Be descriptive: say step by step how to come to an answer, and what it must look like.",
    "Be creative: take an approach that no instruction so far takes.",
    "Give the model a persona whose profession is this very task.",
    "Say what is at stake: how much depends on a right answer, and who suffers from a wrong one.",
)
"""What each instruction should be like."""


DRAWS = 10_000
"""Numbers for the draws of a turn; the second half is for second tries."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """An instruction, and the mean gain on dev of the candidates that had it, in points of 100."""

    instruction: str
    gain: int
    candidates: int


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Asks for instructions, after the tips in turn.

    The question is in the words of ``meta_prompts``, a folder, or our own, with ``exemplars`` of
    train and as many of the runs on train, ``seen``, that went wrong. It depends on what was known
    before a turn, not after, so the instructions of a turn can be asked for again later.
    """

    history: History
    pipeline: Sequence[Step]
    seen: Evaluation
    seed: int
    exemplars: int
    meta_prompts: Path | None

    async def write(self, bench: Bench, turn: int, count: int) -> dict[str, list[str]]:
        """Up to ``count`` new instructions for each prompt, by key, written in a turn.

        What can't be read, or copies an answer of train, is asked for once more.
        """
        wanted = [(step, number) for step in self.pipeline for number in range(count)]
        questions = [self._question(step, turn, number) for step, number in wanted]
        # in a user's words questions may be alike, but no draw of theirs is the same
        draws = [DRAWS * turn + position for position in range(len(questions))]
        answers = await ask_all(bench, list(zip(questions, draws, strict=True)))
        texts = [
            self._read(step, answer) for (step, _), answer in zip(wanted, answers, strict=True)
        ]
        again = [i for i, text in enumerate(texts) if text is None and answers[i] is not None]
        others = await ask_all(bench, [(questions[i], draws[i] + DRAWS // 2) for i in again])
        for i, answer in zip(again, others, strict=True):
            texts[i] = self._read(wanted[i][0], answer)
        written: dict[str, list[str]] = {step.key: [] for step in self.pipeline}
        for (step, _), text in zip(wanted, texts, strict=True):
            if text is not None:
                written[step.key].append(text)
        return written

    def _question(self, step: Step, turn: int, number: int) -> str:
        chance = random.Random(f"{self.seed}/{turn}/{step.key}/{number}")
        examples = {example.id: example for example in self.history.train}
        wrong = [identity for identity, score in self.seen.scores.items() if score < 1.0]
        wrong = chance.sample(wrong, min(self.exemplars, len(wrong)))
        drawn = chance.sample(self.history.train, min(self.exemplars, len(examples)))
        names = {other.key: other.name for other in self.pipeline}
        return meta_prompt(
            "mipro",
            self.meta_prompts,
            about=self.history.about,
            steps=self.pipeline,
            wanted=step,
            tip=TIPS[(number + turn - 1) % len(TIPS)],
            effects=_effects(step, (t for t in self.history.trials if turn_of(t) < turn)),
            failures=told(self.seen, examples, names, wanted=wrong),
            exemplars=[(shown(dict(example.inputs)), shown(example.expected)) for example in drawn],
        )

    def _read(self, step: Step, answer: str | None) -> str | None:
        text = instructions_in(answer, [step.name]).get(step.name)
        if text is None:
            return None
        incumbent = self.history.candidate
        candidate = instructed(incumbent, {step.key: text}, name="written")
        return None if copied(candidate, incumbent, self.history.train) else text


def _effects(step: Step, trials: Iterable[Trial]) -> list[Effect]:
    """What the instructions of a prompt brought so far, worst first."""
    gains: dict[str, list[float]] = {}
    for trial in trials:
        state = trial.proposal.candidate.states.get(step.key)
        text = step.instruction if state is None else state.instruction.strip()
        gains.setdefault(text, []).append(gain(trial))
    effects = [
        Effect(
            instruction=text, gain=round(100 * math.fsum(each) / len(each)), candidates=len(each)
        )
        for text, each in gains.items()
    ]
    return sorted(effects, key=lambda effect: (effect.gain, effect.instruction))
