"""Our search on a task: the same server and examples, and exactly as many calls as a peer made.

The budget covers everything: proposals, race, and the confirmation on holdout.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

from parity.client import Client
from parity.results import Result
from parity.server import Server
from parity.stage import staged
from parity.table import ACCEPTS, name_of
from parity.world import World
from pytest_lmopt import Budget, Example, Prompt
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.progress import Tracker
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.metrics import Score
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.strategies.bench import Proposer
from pytest_lmopt.strategies.protocol import Settings
from pytest_lmopt.strategies.registry import make
from pytest_lmopt.strategies.search import SearchOutcome, search
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Pipeline, Suite
from pytest_lmopt.wire import Completion, Request, Usage


class Phases(Tracker):
    """Notes how many calls each phase of a search took."""

    def __init__(self, name: str, server: Server) -> None:
        super().__init__(name)
        self._server = server
        self._starts: list[tuple[str, int]] = []

    def begin(self, phase: str, *, of: int = 0, scored: bool = False) -> None:
        """Note where a phase starts."""
        self._starts.append((phase.partition(",")[0], self._server.counts.calls))
        super().begin(phase, of=of, scored=scored)

    def __str__(self) -> str:
        ends = [start for _, start in self._starts[1:]] + [self._server.counts.calls]
        took: Counter[str] = Counter()
        for (phase, start), end in zip(self._starts, ends, strict=True):
            took[phase] += end - start
        return ", ".join(f"{phase} {calls}" for phase, calls in took.items())


class LightLM:
    """A model over HTTP with nothing in between."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def complete(self, request: Request) -> Completion:
        """Ask the server, and wait: it is as fast as any other use of this thread."""
        answer = self._client.chat([message._asdict() for message in request.messages])
        usage = answer["usage"]
        return Completion(
            text=answer["choices"][0]["message"]["content"],
            usage=Usage(
                calls=1,
                input_tokens=usage["prompt_tokens"],
                output_tokens=usage["completion_tokens"],
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Rival:
    """The peer whose number of calls is our budget, or a share of it."""

    name: str
    calls: int


def run_ours(strategy: str, task: str, seed: int, rival: Rival) -> list[Result]:
    """Search once; a result for either way of accepting what was found."""
    started = time.perf_counter()
    with staged(task, seed).running() as server:
        world = server.world
        provider = LightLM(Client(server.port))
        suite = suite_of(world)
        ledger = Ledger([Account(Budget(calls=rival.calls), owner="the benchmark")])
        lm = suite_lm(provider, ledger=ledger, store=None, mode="off")

        phases = Phases(task, server)

        async def run() -> SearchOutcome:
            with InProcessExecutor(lm=lm, model="simulated") as executor:
                evaluator = Evaluator(suite, LocalRunner(suite, executor), tracker=phases)
                made = make(strategy, Settings(seed=seed))
                # the packaged model is not asked for proposals unless it is named
                proposer = None if world.task.real else Proposer(lm=lm, model="simulated")
                return await search(made, evaluator, ledger, seed=seed, proposer=proposer)

        outcome = asyncio.run(run())
        spent, counts = str(phases), server.counts
        calls, proposer_calls, tried = counts.calls, counts.proposer_calls, tuple(counts.best)
        none = Candidate(name="incumbent", states={})
        found = outcome.winner.proposal.candidate if outcome.winner else none
        base, true = (
            server.worth(partial(_answer, suite.pipeline, each, provider, world))[0]
            for each in (none, found)
        )
    holdout = {example.id for example in suite.splits.holdout}
    scores = [value for name, value in outcome.incumbent.scores.items() if name in holdout]
    held = outcome.confirmation
    adopts = {
        "significant": outcome.accepted,
        "best": held is not None and held.difference > 0.0,
    }
    return [
        Result(
            method=name_of(strategy, accept),
            task=task,
            seed=seed,
            base=base,
            true=true if adopts[accept] else base,
            adopted=adopts[accept],
            reported=held.new_mean if held and adopts[accept] else fmean(scores),
            calls=calls,
            proposer_calls=proposer_calls,
            best=tried,
            seconds=round(time.perf_counter() - started, 2),
            against=rival.name,
            budget=rival.calls,
            note=f"found {true - base:+.3f}; calls: {spent}; {told(outcome)}",
        )
        for accept in ACCEPTS
    ]


def told(outcome: SearchOutcome) -> str:
    """In a line what a search did: how many trials got how far, and how it ended."""
    raced = [f"{t.proposal.candidate.name} {t.difference:+.2f}/{t.n}" for t in outcome.trials[:3]]
    parts = [f"{len(outcome.trials)} trials ({', '.join(raced)})"]
    if outcome.confirmation is not None:
        held = outcome.confirmation
        parts.append(f"holdout {held.difference:+.3f} of {held.n}, p = {held.p_value:.3f}")
    return "; ".join([*parts, outcome.note]).strip("; ")


def suite_of(world: World) -> Suite:
    """The task as a suite of ours."""
    steps = [
        Prompt(
            name=output,
            instruction=role,
            inputs=[given],
            output=output,
            params={"temperature": 0},
        )
        for role, (given, output) in zip(
            world.task.roles,
            [("ticket", "code")]
            if world.task.steps == 1
            else [("ticket", "note"), ("note", "code")],
            strict=True,
        )
    ]

    async def pipeline(example: Example) -> str:
        text = example.inputs["ticket"]
        for step in steps:
            text = (await step.acall(**{step.state.inputs[0]: text})).text
        return str(text)

    def metric(example: Example, prediction: str) -> Score:
        item = int(example.id.rpartition("/")[2])
        return Score(value=world.score(item, prediction), feedback=world.feedback(item, prediction))

    rows = [
        {  # the id decides on the split, which is to be another one for each seed
            "id": f"{world.seed}/{item}",
            "inputs": {"ticket": world.question(item)},
            "expected": world.right(item),
        }
        for item in world.items
    ]
    dataset = load_dataset(rows, beside=Path())
    return Suite(name=world.task.name, pipeline=pipeline, dataset=dataset, metric=metric)


def _answer(pipeline: Pipeline, candidate: Candidate, provider: LM, world: World, item: int) -> str:
    """What a candidate answers, outside of every budget."""
    example = Example(id=str(item), inputs={"ticket": world.question(item)})

    async def run() -> str:
        with InProcessExecutor(lm=provider, model="simulated") as executor:
            (run,) = await executor.run_block(pipeline, candidate, [example])
            return str(run.prediction)

    return asyncio.run(run())
