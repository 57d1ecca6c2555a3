"""Every backend passes the conformance class."""

from __future__ import annotations

from pathlib import Path

import pytest
from conformance.stores_conformance import StoresConformance, StoresOf
from doubles.manual_clock import ManualClock

from pytest_lmopt.lm.recordings import store
from pytest_lmopt.stores.folder import StateFolder
from pytest_lmopt.stores.sqlite import SqliteStores


class TestSqliteStores(StoresConformance):
    """In files."""

    @pytest.fixture
    def stores_of(self, tmp_path: Path, clock: ManualClock) -> StoresOf:
        """Connections of their own to the same files."""
        folder = StateFolder(tmp_path, session="session-1-a")
        return lambda holder: SqliteStores(folder, holder=holder, clock=clock)

    @pytest.fixture
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Recordings that close wait for nothing."""
        monkeypatch.setattr(store, "LANDING_SECONDS", 0.0)
