"""Every queue passes the conformance class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.queue_conformance import QueueConformance

from pytest_lmopt.blocks.queue import SqliteQueue


class TestSqliteQueue(QueueConformance):
    """In a file."""

    @pytest.fixture
    def queues(self, tmp_path: Path) -> Iterator[tuple[SqliteQueue, SqliteQueue]]:
        """Two connections to one file."""
        one, other = (SqliteQueue(tmp_path / "queue.sqlite") for _ in range(2))
        yield one, other
        one.close()
        other.close()
