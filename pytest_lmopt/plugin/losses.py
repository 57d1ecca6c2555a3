"""Workers that are lost: what they held is done again, and the loss is told, not counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lmopt.plugin.session import LmSession

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling

LOST = "lost"
"""Outcome of a report that says only that a worker was lost: it counts for nothing."""


def lose(session: LmSession, worker: str) -> None:
    """Let the others have what a worker that is gone had taken."""
    if session.queue is not None:
        session.queue.lose(worker)
    if session.shared is not None:
        session.shared.board.remove(worker)


def settle(session: LmSession, report: pytest.TestReport, sched: Scheduling, worker: str) -> None:
    """Hide the report of a worker lost in a suite that can go on, and have another take its place.

    The suite's own report will follow: without one the run is red (``turn_red``).
    """
    suite = report.nodeid
    standing = session.queue.standing(suite) if session.queue is not None else None
    if standing is None or (standing.finished and standing.leader == worker):
        return  # an ordinary test, or the suite's own tear-down
    report.outcome = LOST  # type: ignore[assignment]
    session.notices.append(f"worker {worker} was lost while it ran {suite}")
    if not standing.finished:
        session.losses.add(suite)
        sched.mark_test_pending(suite)


def turn_red(session: LmSession, run: pytest.Session) -> None:
    """Fail a run in which a suite lost workers and was never reported on."""
    for suite in sorted(session.losses - session.told):
        session.notices.append(
            f"{suite} was not finished: too many workers were lost, or none took their place; run "
            "it again, without -n to see what ends its process"
        )
        run.exitstatus = pytest.ExitCode.TESTS_FAILED


def end_workers(nodes: Iterable[Any]) -> bool:
    """End workers that still run, for which xdist would wait; True as that ends the run."""
    for node in nodes:
        with suppress(AttributeError, OSError):  # a worker elsewhere is not ours to end
            node.gateway._io.popen.kill()
    return True


@contextmanager
def kept_out_of_junit(config: pytest.Config, report: pytest.TestReport) -> Iterator[None]:
    """Take the lost worker's test case out of the junit file, once its loss is told."""
    from _pytest.junitxml import xml_key

    yield
    xml = config.stash.get(xml_key, None)
    if xml is not None:
        lost = xml.node_reporter(report)
        xml.node_reporters_ordered.remove(lost)
        xml.node_reporters = {
            key: case for key, case in xml.node_reporters.items() if case is not lost
        }
