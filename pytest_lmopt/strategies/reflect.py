"""``reflect``: one prompt rewritten from what went wrong in whole runs of the pipeline.

After GEPA (Agrawal et al., arXiv 2507.19457): a parent from the per-example Pareto front runs a
small batch of train examples; the proposer reads the traces, scores and feedback, and rewrites one
prompt's instruction; a child that does better than its parent on that batch is raced.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.strategies.pareto import drawn, front
from pytest_lmopt.strategies.proposing.answers import instructions_in
from pytest_lmopt.strategies.proposing.evidence import Step, steps, told
from pytest_lmopt.strategies.proposing.meta_prompts import meta_prompt
from pytest_lmopt.strategies.proposing.rewriting import ask_all
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.splits import seeded_order

LOOKS = 3
"""Batches a parent is run on at most before it is taken to fail nowhere."""

TRIED_SHOWN = 8
"""Earlier wordings, the best, that a proposer is shown with their scores."""

PASSING_SHOWN = 2
"""Runs without a fault that a proposer is shown beside the faulty ones."""


@dataclass(frozen=True, kw_only=True)
class _Idea:
    """A rewriting to be asked for: one prompt of a parent, and what is to be learnt from.

    ``others`` are examples that the proposer does not see, to try the rewriting on.
    """

    parent: Candidate
    key: str
    batch: tuple[Example, ...]
    others: tuple[Example, ...]
    evaluation: Evaluation
    name: str

    @cached_property
    def steps(self) -> list[Step]:
        """The parent's prompts, as the proposer is told of them."""
        return steps(self.parent, self.evaluation.runs)

    @property
    def step(self) -> Step:
        """The prompt to be rewritten."""
        return next(step for step in self.steps if step.key == self.key)

    @property
    def failing(self) -> list[str]:
        """The examples of the batch that went wrong, the worst first."""
        scores = self.evaluation.scores
        return sorted(
            (name for name in scores if scores[name] < 1.0), key=lambda name: scores[name]
        )


@dataclass(frozen=True)
class Reflect:
    """``children`` rewritings a round, each from a ``batch`` of train examples.

    Batches are drawn from ``width`` times as many examples, and more in each further round. Ends
    after ``rounds``, or once ``patience`` rounds have brought nothing better.
    """

    settings: Settings
    _: KW_ONLY
    rounds: int = 20
    children: int = 6
    batch: int = 8
    width: int = 3
    patience: int = 6

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """The children of the next round that has any better than their parents."""
        for number in range(next_round(history), self.rounds + 1):
            if number - best_round(history) > self.patience or not bench.may_ask():
                break
            better = await self.children_of(history, bench, number)
            if better:
                return better
        return ()

    async def children_of(self, history: History, bench: Bench, number: int) -> list[Proposal]:
        """Round ``number``'s children that are no worse than their parents, largest gain first."""
        ideas = await self._ideas(history, bench, number)
        answers = await ask_all(bench, [self._question(history, idea) for idea in ideas])
        children = [_child(idea, answer) for idea, answer in zip(ideas, answers, strict=True)]
        made = [
            (idea, child) for idea, child in zip(ideas, children, strict=True) if child is not None
        ]
        before = await bench.run_each([(idea.parent, idea.others) for idea, _ in made])
        after = await bench.run_each([(child.candidate, idea.others) for idea, child in made])
        gains = [_gain(old, new) for old, new in zip(before, after, strict=True)]
        ranked = sorted(zip(gains, range(len(made)), strict=True), key=lambda one: -one[0])
        kept = [made[place][1] for gain, place in ranked if gain >= 0.0]
        if not ideas:
            bench.explain("no run on train that could be paid for went wrong")
        elif made and not kept:
            bench.explain(f"none of {len(made)} rewritings did as well on train as its parent")
        return kept

    async def _ideas(self, history: History, bench: Bench, number: int) -> list[_Idea]:
        """What to rewrite; fewer than ``children`` where nothing fails or no more can be run."""
        chance = random.Random(f"{self.settings.seed}/{number}")
        parents = front(history)
        keys = sorted(history.candidate.states)
        chance.shuffle(keys)
        # the first few train examples serve several children, and ``bootstrap``'s teacher
        pool = seeded_order(history.train, seed=self.settings.seed)[
            : self.batch * (self.width + number)
        ]
        ideas: dict[int, _Idea] = {}
        chosen = {child: drawn(parents, chance) for child in range(1, self.children + 1)}
        for _ in range(LOOKS):
            left = [child for child in chosen if child not in ideas]
            drawings = [chance.sample(pool, len(pool)) for _ in left]
            parents_of = [chosen[child] for child in left]
            batches = [drawing[: self.batch] for drawing in drawings]
            evaluations = await bench.run_each(list(zip(parents_of, batches, strict=True)))
            for child, drawing, evaluation in zip(left, drawings, evaluations, strict=True):
                if any(score < 1.0 for score in evaluation.scores.values()):
                    ideas[child] = _Idea(
                        parent=chosen[child],
                        key=keys[(number * self.children + child) % len(keys)],
                        batch=tuple(drawing[: self.batch]),
                        others=tuple(drawing[self.batch : 2 * self.batch]),
                        evaluation=evaluation,
                        name=f"reflect-{number}-{child}",
                    )
        return [ideas[child] for child in sorted(ideas)]

    def _question(self, history: History, idea: _Idea) -> tuple[str, int]:
        """What the proposer is asked, and the number of the draw."""
        scores = idea.evaluation.scores
        passing = [name for name in scores if scores[name] >= 1.0]
        question = meta_prompt(
            "reflect",
            self.settings.meta_prompts,
            about=history.about,
            steps=idea.steps,
            step=idea.step,
            runs=told(
                idea.evaluation,
                {example.id: example for example in idea.batch},
                {step.key: step.name for step in idea.steps},
                wanted=idea.failing + passing[:PASSING_SHOWN],
            ),
            tried=_tried(history, idea.key)[-TRIED_SHOWN:],
        )
        return question, int(idea.name.rpartition("-")[2])


def _child(idea: _Idea, answer: str | None) -> Proposal | None:
    """The candidate that the proposer's answer makes of an idea; None where it makes none."""
    state, name = idea.parent.states[idea.key], idea.step.name
    text = instructions_in(answer, [name]).get(name, state.instruction)
    if text.strip() == state.instruction.strip():
        return None
    changed = replace(state, instruction=text)
    return Proposal(
        candidate=Candidate(name=idea.name, states={**idea.parent.states, idea.key: changed}),
        reason=f"{idea.parent.name}, {name} rewritten from {len(idea.failing)} failures",
    )


def _tried(history: History, key: str) -> list[tuple[str, float]]:
    """Wordings of a prompt's instruction that were raced, with their best score, worst first."""
    base = history.incumbent.mean
    found = {history.candidate.states[key].instruction.strip(): base}
    for trial in history.trials:
        text = trial.proposal.candidate.states[key].instruction.strip()
        found[text] = max(base + trial.difference, found.get(text, 0.0))
    return sorted(found.items(), key=lambda wording: wording[1])


def _gain(parent: Evaluation, child: Evaluation) -> float:
    """Sum of the child's gains over its parent; 0 where they share no example."""
    return math.fsum(
        score - parent.scores[identity]
        for identity, score in child.scores.items()
        if identity in parent.scores
    )


def next_round(history: History) -> int:
    """The round to come, from the names of what was raced: counted from 1."""
    return 1 + max((_round(trial.proposal) for trial in history.trials), default=0)


def best_round(history: History) -> int:
    """The round of the best trial; 0 where none was better than the incumbent."""
    best = history.trials[0] if history.trials else None
    return _round(best.proposal) if best is not None and best.difference > 0.0 else 0


def _round(proposal: Proposal) -> int:
    found = re.search(r"-(\d+)-\d+\Z", proposal.candidate.name)
    return int(found[1]) if found else 1
