"""The server that plays a task under a seed."""

from __future__ import annotations

from parity.ledger import LEDGER, Ledger, LedgerServer
from parity.server import Server
from parity.tasks import TASKS
from parity.world import World


def staged(task: str, seed: int) -> Server:
    """Simulated, but for the ledger: that asks the packaged model."""
    if task == LEDGER:
        return LedgerServer(Ledger(seed))
    return Server(World(TASKS[task], seed))
