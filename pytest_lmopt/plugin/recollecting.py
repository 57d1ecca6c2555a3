"""Tests to be run again after the run. The controller of workers has none: it collects them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def item_of(run: pytest.Session, name: str) -> pytest.Function:
    """The test of that name; raises ``pytest.UsageError`` where it can't be collected here."""
    if not run.items:
        with _unseen(run):
            run.perform_collect()
    for item in run.items:
        if item.nodeid == name and isinstance(item, pytest.Function):
            return item
    raise pytest.UsageError(
        "the workers collected it, and the process that hands out tests did not; run without -n"
    )


@contextmanager
def _unseen(run: pytest.Session) -> Iterator[None]:
    """Without the terminal telling or counting what is collected: the workers have been told of."""
    plugins, name, count = run.config.pluginmanager, "terminalreporter", run.testscollected
    terminal = plugins.get_plugin(name)
    if terminal is not None:
        plugins.unregister(terminal)
    try:
        yield
    finally:
        run.testscollected = count
        if terminal is not None:
            plugins.register(terminal, name)
