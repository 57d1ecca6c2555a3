"""Running blocks on a Dask cluster: granted, sent, settled; the ledger and the store stay here."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import asdict, replace

from pytest_lmopt.blocks.dask.cluster import Cluster
from pytest_lmopt.blocks.dask.known import KnownAnswers
from pytest_lmopt.blocks.dask.messages import End, Reply, Spec, Task
from pytest_lmopt.blocks.lanes import AHEAD
from pytest_lmopt.blocks.plain import NotPlainError, block_to_text, runs_from_text
from pytest_lmopt.blocks.queue import MOST_LOSSES
from pytest_lmopt.blocks.runner import AT_ONCE, LARGEST, Block, LocalRunner, in_order
from pytest_lmopt.errors import SuiteError, WorkersLostError
from pytest_lmopt.lm.money.allowances import NOTHING, Grant, Purse, Spending
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.lm.money.protocol import Amount
from pytest_lmopt.lm.recordings.recorded import CacheMode
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.wire import Completion, Request

_numbers = itertools.count()


class DaskRunner:
    """Runs the blocks of one suite on a cluster.

    ``notice`` is told of lost workers, ``trace`` says which span is open. What can't be told in
    JSON, and errors, are left to ``local``: what was paid for is recorded.
    """

    def __init__(
        self,
        spec: Spec,
        local: LocalRunner,
        *,
        cluster: Cluster,
        ledger: Ledger,
        known: KnownAnswers,
        mode: CacheMode,
        notice: Callable[[str], object],
        trace: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.hands = cluster.hands
        self.spec = spec
        self.spec_text = spec.to_text()
        cluster.start(self.spec_text)
        self.local = local
        self.cluster = cluster
        self.purse = Purse(ledger)
        self.known = known
        self.mode = mode
        self.notice = notice
        self.trace = trace

    def run(self, blocks: Sequence[Block]) -> AsyncGenerator[list[ScoredRun]]:
        """As the protocol says; a block that ends early ends those after it."""
        at_once = AHEAD * max(self.cluster.threads, AT_ONCE * self.hands)
        most = self.local.suite.concurrency
        if most is not None:  # a lane holds to it, but knows nothing of the others
            at_once = min(at_once, max(1, most // LARGEST))
        return in_order(blocks, self._run_one, at_once=at_once)

    async def _run_one(self, block: Block) -> list[ScoredRun]:
        try:
            block_to_text(block)
        except NotPlainError:
            return await self.local.run_one(block)
        return await _Errand(self, block).run()


class _Errand:
    """One block, sent as often as it takes until all of it is done."""

    def __init__(self, runner: DaskRunner, block: Block) -> None:
        self._runner = runner
        self._block = block
        self._done: dict[str, ScoredRun] = {}
        self._answers: dict[str, Completion] = runner.known.of(block)
        self._free = runner.mode == "replay" or (runner.known.may_have_more and not self._answers)
        self._losses = 0
        self._tries = 0
        self._least = Amount()

    async def run(self) -> list[ScoredRun]:
        """What comes of the block."""
        while left := [each for each in self._block.examples if each.id not in self._done]:
            block = replace(self._block, examples=tuple(left))
            reply = await self._send(block)
            self._runner.known.record(reply.answers)
            self._answers |= {request.key: answer for request, answer in reply.answers}
            if reply.end is End.REFUSED:
                raise SuiteError(
                    f"can't be run on Dask worker {reply.worker}: {reply.problem}",
                    suite=self._runner.spec.suite,
                )
            if reply.end is End.LOST:
                self._lose(block, reply)
                continue
            runs = runs_from_text(reply.runs, block.candidate) if reply.runs else []
            self._file(block, runs, has_spent=reply.spending is not None)
            if reply.end is End.LEFT:
                rest = tuple(each for each in left if each.id not in self._done)
                for run in await self._runner.local.run_one(replace(block, examples=rest)):
                    self._done[run.example] = run
        return [self._done[example.id] for example in self._block.examples]

    def _file(self, block: Block, runs: Sequence[ScoredRun], *, has_spent: bool) -> None:
        """Take the runs that are complete; where some are not, be ready to try again."""
        lacking = {run.example: asked for run in runs if (asked := _unrecorded(run))}
        found = self._runner.known.find(
            request for requests in lacking.values() for request in requests
        )
        found = {key: answer for key, answer in found.items() if key not in self._answers}
        self._answers |= found
        asks_no_more = self._runner.mode == "replay" and not found
        complete = [run for run in runs if run.example not in lacking or asks_no_more]
        self._runner.known.note(block, complete)
        for run in complete:
            self._done[run.example] = run
            self._runner.purse.learn(run.usage.calls)
        if has_spent:
            self._tries += 1
        elif not found and self._runner.mode != "replay":
            self._free = False
            self._runner.known.may_have_more = bool(self._answers)

    def _lose(self, block: Block, reply: Reply) -> None:
        runner = self._runner
        self._losses += 1
        if self._losses >= MOST_LOSSES:
            names = ", ".join(repr(example.id) for example in block.examples)
            raise WorkersLostError(
                f"{self._losses} workers were lost while they ran the examples {names}; one of "
                "them seems to end its process. Run them without --lm-executor to see what happens",
                suite=runner.spec.suite,
            )
        runner.notice(
            f"a Dask worker was lost while it ran {runner.spec.suite} ({reply.problem}); what it "
            "was allowed to spend stays charged"
        )

    async def _send(self, block: Block) -> Reply:
        """Have it done within an allowance, or without a call; settles what it has spent."""
        runner, cluster, purse = self._runner, self._runner.cluster, self._runner.purse
        grant: Grant | None = None
        if not self._free:
            examples = len(block.examples)
            grant = await purse.grant(examples, tries=self._tries, least=self._least)
        task = Task(
            name=f"{runner.spec.session}-{next(_numbers)}",
            block=block_to_text(block),
            mode="off" if runner.mode == "off" else "auto",
            answers=self._answers,
            trace=runner.trace(),
        )
        allowance = json.dumps(asdict(grant.allowance)) if grant else None
        spending: Spending | None = None
        try:
            text = await cluster.ask(runner.spec_text, task.name, task.to_text(), allowance)
            reply = Reply.from_text(text)
            spending = reply.spending
            if grant and spending is None:
                spending = await self._recall(task.name)
            if spending is not None:
                self._least = spending.dearest
            return reply
        except asyncio.CancelledError:
            spending = await self._recall(task.name)
            raise
        finally:
            if grant:
                purse.settle(grant, spending)
            cluster.forget(task.name)

    async def _recall(self, name: str) -> Spending | None:
        """End a task; what it has spent, None if nobody can tell. Late answers are kept."""
        recalled = await self._runner.cluster.recall(name)
        if recalled.unclaimed:
            return NOTHING
        late = Reply.from_text(recalled.reply) if recalled.reply is not None else None
        if late is None:
            return None
        self._runner.known.record(late.answers)
        return late.spending


def _unrecorded(run: ScoredRun) -> list[Request]:
    """What a run asked for in vain, as no model was asked."""
    return [
        call.request
        for call in (*run.trace, *run.judging)
        if call.unrecorded and call.request is not None
    ]
