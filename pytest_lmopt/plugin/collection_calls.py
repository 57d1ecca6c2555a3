"""Calls at import and collection: no suite can record them, so a replay refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_lmopt.errors import UnmeteredError
from pytest_lmopt.lm.hooks import hooked
from pytest_lmopt.lm.net.rules import Interception, Rules
from pytest_lmopt.lm.tracing import RunContext, running
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.plugin.setting_up import Failing
from pytest_lmopt.suites.candidate import Candidate

REPLAY = "--lm-cache=replay"


@contextmanager
def refused(session: LmSession) -> Iterator[None]:
    """Refuse the model calls made inside; the first stops all suites."""
    problem = UnmeteredError(
        f"a model is called while tests are collected: under {REPLAY}, only calls of suites and "
        "their fixtures expected, found one at import. Move it into a fixture",
        target="import",
    )
    context = RunContext(
        lm=Failing(problem),
        candidate=Candidate(name="import", states={}),
        purpose="import",
        rules=Rules(
            interception=session.options.intercept or Interception(),
            promise=REPLAY,
            replaying=True,
        ),
    )
    session.collecting = context
    with hooked(), running(context):
        yield
