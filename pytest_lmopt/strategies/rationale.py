"""``rationale``: demos with the model's own reasoning, kept where it led to an answer that passed.

After STaR (Zelikman et al., arXiv 2203.14465) and NExT (Ni et al., arXiv 2404.14662): the teacher
is the pipeline asked to think before it answers; where it fails, it tries once more with a hint,
and what passes then is shown as if there had been none. Weak models reason badly, so half of the
candidates show the same answers without reasoning.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.strategies.demo_sets import draw, proposal, worked
from pytest_lmopt.strategies.protocol import Bench, History, Proposal
from pytest_lmopt.strategies.teaching import Teaching
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.prompt_state import REASONING, Demo, PromptState
from pytest_lmopt.suites.splits import seeded_order

HINT = """

Hint, for this case only, about the final result of the whole task: {hint:.2000}
Reason as if you had not been told, and do not mention it."""


@dataclass(frozen=True, kw_only=True)
class Rationale(Teaching):
    """Random demo sets of at most ``demos`` passing runs, every other one with reasoning.

    The teacher gives up where it fails at ``step`` examples in a row, hints and all; if it has not
    filled a set by then, the pipeline as it is teaches, too.
    """

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """All demo sets in one go; nothing on the second call, or if no run passed."""
        if history.trials:
            return ()
        states = history.candidate.states
        train = seeded_order(history.train, seed=self.settings.seed)
        passed = await self._reason(history.candidate, train, bench)
        if len(passed) < self.demos:
            known = {run.example for run in passed}
            others = [example for example in train if example.id not in known]
            passed += await self.passing_runs(bench, history.candidate, others)
        if not passed:
            return ()
        pool = [worked(run, states) for run in passed]
        reasoned = [
            each
            for each in pool
            if any(_reasoned(states[key], each.demos[key]) for key in each.demos)
        ]
        chance = random.Random(self.settings.seed)
        proposals = []
        for number in range(1, self.candidates + 1):
            aloud = bool(reasoned) and number % 2 == 1
            proposals.append(
                proposal(
                    f"rationale-{number}",
                    states,
                    draw(
                        reasoned if aloud else pool,
                        number=(number + 1) // 2,
                        most=self.demos,
                        chance=chance,
                    ),
                    chance=chance,
                    reason=f"{'reasoning' if aloud else 'answers'} of the passing runs of",
                    show=_aloud if aloud else _silent,
                )
            )
        return proposals

    async def _reason(
        self, incumbent: Candidate, train: Sequence[Example], bench: Bench
    ) -> list[ScoredRun]:
        """Passing runs of the pipeline asked to reason, in the end with a hint."""
        asked = {key: _asked(state) for key, state in incumbent.states.items()}
        teacher = Candidate(name="asked to reason", states=asked)
        passed: list[ScoredRun] = []
        tries = self.enough
        for start in range(0, len(train), self.step):
            chunk = train[start : start + self.step]
            evaluation = await bench.run(teacher, chunk)
            before = len(passed)
            passed += self.passed(evaluation.runs)
            known = {run.example for run in passed}
            failed = {
                run.example: run.score.feedback
                for run in evaluation.runs
                if run.score is not None and run.example not in known
            }
            for example in chunk:
                hint = failed.get(example.id) or _expected(example)
                if example.id in failed and hint and tries and len(passed) < self.enough:
                    tries -= 1
                    hinted = await bench.run(_hinted(teacher, hint), [example])
                    passed += self.passed(run for run in hinted.runs if not _tells(run))
            if not before < len(passed) < self.enough or len(evaluation.ids) < len(chunk):
                break
        return passed


def _asked(state: PromptState) -> PromptState:
    """The prompt asking for reasoning; a demo that answers at once would teach the opposite."""
    if REASONING in state.inputs + state.outputs:
        return state
    demos = tuple(demo for demo in state.demos if REASONING in demo)
    return replace(state, reasoning=True, demos=demos)


def _expected(example: Example) -> str:
    return "" if example.expected is None else f"expected {example.expected!r}"


def _hinted(teacher: Candidate, hint: str) -> Candidate:
    said = HINT.format(hint=hint)
    return Candidate(
        name="asked to reason, with a hint",
        states={
            key: replace(state, instruction=state.instruction.rstrip() + said)
            for key, state in teacher.states.items()
        },
    )


def _tells(run: ScoredRun) -> bool:
    """Whether the reasoning speaks of the hint."""
    return any(re.search(r"\bhint", call.reasoning, re.IGNORECASE) for call in run.trace)


def _reasoned(state: PromptState, demos: Sequence[Demo]) -> list[Demo]:
    """Those with reasoning; there are fields called that, too."""
    return [demo for demo in demos if len(demo) > len(state.inputs + state.outputs)]


def _aloud(state: PromptState, demos: Sequence[Demo]) -> PromptState:
    reasoned = _reasoned(state, demos)
    if not reasoned:
        return _silent(state, demos)
    return replace(state, reasoning=True, demos=tuple(reasoned))


def _silent(state: PromptState, demos: Sequence[Demo]) -> PromptState:
    fields = state.inputs + state.outputs
    shown = tuple({name: demo[name] for name in fields} for demo in demos)
    return replace(state, reasoning=False, demos=shown)
