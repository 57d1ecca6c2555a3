"""Hooks of an xdist worker: it takes part in suites that other workers may lead."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_lmopt.plugin import lanes
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.session import NOTICES_KEY, LmSession


class WorkerHooks:
    """Registered in workers where a suite may use all of them."""

    def __init__(self, session: LmSession) -> None:
        self._session = session

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None]:
        """Add lanes once all others have chosen and ordered."""
        yield
        lanes.add_lanes(items, self._session.lanes)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run a lane that does not lead its suite out of sight."""
        name = node_name(item)
        if name not in self._session.suites and name not in self._session.broken:
            return None
        return lanes.take_part(item, nextitem, self._session)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Leave the notices to the owner: a worker that only helped has no report to carry them."""
        session.config.workeroutput[NOTICES_KEY] = self._session.notices  # type: ignore[attr-defined]

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Let the other lanes end."""
        lanes.finish(nodeid, self._session)
