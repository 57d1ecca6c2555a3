"""A process whose callers take turns for a while: ``FILE MOST CALLERS SECONDS PORT``.

A caller with a turn is connected to ``PORT``, where somebody counts; each turn is short. Prints how
many turns it had.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from pathlib import Path

from pytest_lmopt.lm.faults.concurrency import Gate
from pytest_lmopt.lm.session_file import SessionFile
from pytest_lmopt.lm.turns import SharedTurns

LONGEST_TURN_SECONDS = 0.004


async def take_turns(gate: Gate, callers: int, seconds: float, port: int) -> int:
    """How many turns the callers had together."""
    until = time.monotonic() + seconds

    async def keep_asking() -> int:
        turns = 0
        while time.monotonic() < until:
            async with gate:
                with socket.create_connection(("127.0.0.1", port)):
                    await asyncio.sleep(random.uniform(0.0, LONGEST_TURN_SECONDS))
            turns += 1
        return turns

    return sum(await asyncio.gather(*(keep_asking() for _ in range(callers))))


def main(file: Path, most: int, callers: int, seconds: float, port: int) -> None:
    """Take turns together with all processes that have the same file."""
    gate = Gate(SharedTurns(SessionFile(file), pool="pool", most=most))
    print(asyncio.run(take_turns(gate, callers, seconds, port)))


if __name__ == "__main__":
    _, file, most, callers, seconds, port = sys.argv
    main(Path(file), int(most), int(callers), float(seconds), int(port))
