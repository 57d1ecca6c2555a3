"""Every client, under every condition, with real SDKs against one server.

``.ci/clients`` installs what they need and runs them.
"""

from __future__ import annotations

import pytest
from clients.conditions import conditions_of
from clients.matrix import Matrix, cells, passed
from clients.project import ENVIRONMENTS
from clients.registry import CLIENTS, Client

pytestmark = [pytest.mark.clients, pytest.mark.slow]


@pytest.mark.parametrize(
    ("client", "condition"),
    [(client, condition) for client in CLIENTS for condition in conditions_of(client)],
)
def test_a_client_meets_a_condition(matrix: Matrix, client: Client, condition: str) -> None:
    """Seen, budgeted, recorded and untouched, whatever the client."""
    problem = matrix.results(client)[condition]
    assert not problem, problem


def test_every_client_is_there_and_meets_every_condition(matrix: Matrix) -> None:
    """The matrix has no hole: a client that is missing, skipped or deselected fails it."""
    filled = matrix.filled()
    missing = [client.name for client in CLIENTS if client not in filled]
    assert not missing, f"expected every client in the matrix, missing: {missing}"
    assert passed(filled) == cells(CLIENTS)


def test_the_environments_hold_what_they_say() -> None:
    """Each environment has its interpreter: nothing is skipped for want of a package."""
    missing = sorted(
        {
            client.environment
            for client in CLIENTS
            if not (ENVIRONMENTS / client.environment / "bin" / "python").exists()
        }
    )
    assert not missing, f"{ENVIRONMENTS} lacks {missing}. Run .ci/clients."
