"""Lanes under xdist: every worker gets each suite's item, and takes part in the suite.

xdist fixes the list of items at collection, so a suite's item is collected once per worker. The
first lane to arrive leads and is the suite's test; the others help, unseen.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from _pytest.runner import runtestprotocol

from pytest_lmopt.blocks.queue import Part
from pytest_lmopt.plugin.collecting import is_suite, note_broken
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.session import LmSession


def add_lanes(items: list[pytest.Item], count: int) -> None:
    """Put every marked test first in each of ``count`` equal parts of the list.

    Workers take items from the front of such parts, so all come to a suite soon after the run's
    beginning, however many other tests there are.
    """
    suites = [item for item in items if isinstance(item, pytest.Function) and is_suite(item)]
    if not suites:
        return
    marked = set(suites)
    others = [item for item in items if item not in marked]
    bounds = [len(others) * number // count for number in range(count + 1)]
    parts = [others[start:end] for start, end in pairwise(bounds)]
    lanes = [suites, *([_again(item) for item in suites] for _ in range(count - 1))]
    items[:] = [item for lane, part in zip(lanes, parts, strict=True) for item in (*lane, *part)]


def take_part(item: pytest.Item, nextitem: pytest.Item | None, session: LmSession) -> bool | None:
    """Run a lane that does not lead, without a report; True if this item was one."""
    name = node_name(item)
    try:
        queue = session.queue
    except pytest.fail.Exception as error:  # what ends a test here would end the worker
        note_broken(session, item, str(error))
        return None
    if queue is None:
        return None
    session.entered[item.nodeid] = name
    part = session.parts[name] = queue.enter(name, session.worker)
    if part is Part.HELP:
        runtestprotocol(item, log=False, nextitem=nextitem)
    elif part is Part.NOTHING:
        _tear_down(item, nextitem)
    return True if part in (Part.HELP, Part.NOTHING) else None


def _tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tear down what earlier tests had set up and the next does not need."""
    call = pytest.CallInfo.from_call(
        lambda: item.session._setupstate.teardown_exact(nextitem),
        when="teardown",
        reraise=(pytest.exit.Exception, KeyboardInterrupt),
    )
    if call.excinfo is not None:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)


def finish(nodeid: str, session: LmSession) -> None:
    """Let the other lanes end once the leading one has."""
    name = session.entered.pop(nodeid, None)
    if name is not None and session.queue is not None:
        session.queue.finish(name, session.worker)


def _again(item: pytest.Function) -> pytest.Function:
    """The same test once more, as a node of its own."""
    lane: pytest.Function = pytest.Function.from_parent(
        item.parent,
        name=item.name,
        callspec=getattr(item, "callspec", None),
        fixtureinfo=item._fixtureinfo,
        originalname=item.originalname,
    )
    lane.own_markers[:] = item.own_markers
    return lane
