"""Runs → scored runs: the metric asked about each prediction, where the prediction was made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_lmopt.errors import AnswerError, LmoptError, MissingAnswerError, RefusedError
from pytest_lmopt.lm.net.openings import merged
from pytest_lmopt.lm.tracing import RunContext, running
from pytest_lmopt.metrics.score import Score, score_with
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.runs.executor import Executor
from pytest_lmopt.runs.run import Ending, Run
from pytest_lmopt.safe_text import redact, text_of
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.matching import form_of
from pytest_lmopt.suites.suite import Suite


async def run_and_score(
    suite: Suite,
    executor: Executor,
    candidate: Candidate,
    examples: Sequence[Example],
    *,
    repeat: int = 0,
    one_by_one: bool = False,
) -> list[ScoredRun]:
    """Run a candidate on some examples and score what comes of it, in their order.

    ``one_by_one`` lets no async metric run while another one waits. Raises what ends a block early,
    ``MetricError`` for a metric that fails.
    """
    runs = await executor.run_block(suite.pipeline, candidate, examples, repeat=repeat)
    if one_by_one:
        return [await _scored(suite, executor, run) for run in runs]
    return list(await asyncio.gather(*(_scored(suite, executor, run) for run in runs)))


async def _scored(suite: Suite, executor: Executor, run: Run) -> ScoredRun:
    if run.ending is Ending.SKIPPED:
        return _kept(run, None)
    if run.ending is Ending.MISSING:
        return _kept(run, None, missing=run.problem)
    if run.ending is not Ending.RETURNED:
        return _kept(run, Score(value=0.0, feedback=run.problem))
    context = executor.judging()
    try:
        with running(context):
            score = await score_with(suite.metric, run.example.own(), run.prediction)
        if context.stop is not None:
            raise context.stop
    except LmoptError as error:
        # a metric may have caught it, or have been told of it in litellm's words
        problem = context.stop or error
        if not isinstance(problem, MissingAnswerError | RefusedError | AnswerError):
            raise problem from None
        return _kept(run, None, missing=f"the judge: {problem}", judging=context)
    return _kept(run, score, judging=context)


def _kept(
    run: Run, score: Score | None, *, missing: str = "", judging: RunContext | None = None
) -> ScoredRun:
    returned = run.ending is Ending.RETURNED
    openings = judging.openings.listed(run.example.id) if judging else ()
    return ScoredRun(
        example=run.example.id,
        repeat=run.repeat,
        ending=run.ending,
        score=replace(score, feedback=redact(score.feedback)) if score else None,
        got=redact(text_of(run.prediction)) if returned else run.problem,
        kind=type(run.prediction).__name__,
        missing=missing,
        trace=run.trace,
        judging=judging.trace if judging else (),
        states=run.states,
        answered=tuple(_answered(run)) if returned else (),
        openings=merged((*run.openings, *openings)),
    )


def _answered(run: Run) -> Iterator[tuple[int, str]]:
    """The calls of prompts that gave the prediction, while it is still the user's own value."""
    for place, call in enumerate(run.trace):
        if call.error is None and call.outputs:
            try:
                form = form_of(call.outputs, run.prediction)
            except Exception:  # the user's classes may fail at anything
                continue
            if form:
                yield place, form
