"""Spans of a lane's process on a Dask worker, below that of the suite, which the leader has."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from pytest_lmopt.errors import TelemetryError
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.runs.traced import traced
from pytest_lmopt.safe_text import shown
from pytest_lmopt.suites.suite import Pipeline


class LaneSpans:
    """Spans where the session asks for them; a lane that can't send any runs its blocks without."""

    def __init__(self, session: LmSession) -> None:
        self._flushing: asyncio.Future[object] | None = None
        try:
            self._telemetry = session.telemetry
        except TelemetryError as error:
            print(shown(f"no spans are sent from here: {error}"), file=sys.stderr)
            self._telemetry = None

    def of_runs(self, pipeline: Pipeline, suite: str) -> Pipeline:
        """The pipeline with a span for each run."""
        return traced(pipeline, self._telemetry, suite=suite) if self._telemetry else pipeline

    def of_calls(self, lm: LM) -> LM:
        """The LM with a span for each call."""
        return self._telemetry.lm(lm) if self._telemetry else lm

    def below(self, trace: Mapping[str, str]) -> AbstractContextManager[None]:
        """Have what runs inside belong to the leader's span."""
        return self._telemetry.below(trace) if self._telemetry else nullcontext()

    def flush(self) -> None:
        """Begin to send what there is: worker and lane may end at any time."""
        if self._telemetry and (self._flushing is None or self._flushing.done()):
            loop = asyncio.get_running_loop()
            # on a thread, and only one: the collector may be slow to answer, or not there
            self._flushing = loop.run_in_executor(None, self._telemetry.flush)
