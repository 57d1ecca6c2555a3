"""Every queue passes the conformance class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.queue_conformance import QueueConformance

from pytest_lmopt.blocks.queue import SqliteQueue
from pytest_lmopt.lm.session_file import SessionFile


class TestSqliteQueue(QueueConformance):
    """In a file."""

    @pytest.fixture
    def queues(self, tmp_path: Path) -> Iterator[tuple[SqliteQueue, SqliteQueue]]:
        """Two connections to one file."""
        one, other = (SessionFile(tmp_path / "shared.sqlite") for _ in range(2))
        yield SqliteQueue(one), SqliteQueue(other)
        one.close()
        other.close()
