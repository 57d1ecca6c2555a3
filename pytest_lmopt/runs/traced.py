"""Each run of a pipeline as a span."""

from __future__ import annotations

import inspect
from typing import Any

from pytest_lmopt.lm.telemetry.spans import Telemetry
from pytest_lmopt.lm.tracing import current_run
from pytest_lmopt.runs.outcomes import Meaning, outcome_of
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Pipeline


def traced(pipeline: Pipeline, telemetry: Telemetry, *, suite: str) -> Pipeline:
    """The pipeline with a span around each run, on the thread or in the task it runs in.

    Of a plain function that returns an awaitable, the span covers the call alone.
    """

    def about(example: Example) -> dict[str, Any]:
        run = current_run(suite)
        return {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": suite,
            "pytest_lmopt.example": example.id,
            "pytest_lmopt.candidate": run.candidate.name if run else "",
            "pytest_lmopt.repeat": run.repeat if run else 0,
        }

    name = f"invoke_workflow {suite}"

    async def asynchronous(example: Example) -> Any:
        with telemetry.span(name, about(example), harmless=_leaves_out):
            return await pipeline(example)

    def synchronous(example: Example) -> Any:
        with telemetry.span(name, about(example), harmless=_leaves_out):
            return pipeline(example)

    return asynchronous if inspect.iscoroutinefunction(pipeline) else synchronous


def _leaves_out(error: BaseException) -> bool:
    return outcome_of(error).meaning is Meaning.LEFT_OUT
