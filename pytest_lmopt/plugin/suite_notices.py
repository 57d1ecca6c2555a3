"""Notices on a suite's calls: those we can't see, and those that are taken as free."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lmopt.lm.framework_caches import caches_on
from pytest_lmopt.lm.money.prices import is_given
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.wire import is_on_this_machine


def suite_notices(report: SuiteReport, *, strays: int) -> Iterator[str]:
    """Name the caches that answer in place of providers, and the models without a price.

    ``strays`` counts the calls that no run was seen for while runs were under way.
    """
    if strays:
        calls = "1 call" if strays == 1 else f"{strays} calls"
        yield (
            f"{report.suite}: {calls} came from a thread that knows no run, such as one that a "
            "queue feeds. No trace holds them; they are charged to the suite. Give the thread "
            "functions wrapped in pytest_lmopt.carry_context"
        )
    yield from (f"{report.suite}: {line}" for line in caches_on())
    models = report.model.split(", ")
    free = [model for model in models if is_on_this_machine(model) and not is_given(model)]
    if free:
        yield (
            f"{report.suite}: calls to {', '.join(free)} are taken as free: the server runs on "
            "this machine. Name a price in lm_prices if they are not"
        )
