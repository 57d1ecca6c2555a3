"""The matrix of a session: begun with the clients that were selected, shown at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients.matrix import Matrix, cells, passed, table
from clients.registry import CLIENTS, Client

_MATRIX = pytest.StashKey[Matrix]()


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """The matrix of the clients whose cells this session runs."""
    found = (getattr(item, "callspec", None) for item in request.session.items)
    selected = {spec.params["client"] for spec in found if spec and "client" in spec.params}
    filling = Matrix(client for client in CLIENTS if client in selected)
    request.config.stash[_MATRIX] = filling
    yield filling
    filling.close()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a cell by its client."""
    return val.name if isinstance(val, Client) else None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the matrix."""
    filling = config.stash.get(_MATRIX, None)
    if filling is None:
        return
    filled = filling.filled()
    terminalreporter.section("clients")
    for line in table(filled):
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"{passed(filled)} of {cells(CLIENTS)} cells are met")
