"""Where processes that a test starts wait for each other, in place of sleeping long enough."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

MOST_SECONDS = 60.0
"""Far longer than anything here takes: a process that never comes fails its test."""
MOMENT_SECONDS = 0.02


def wait_until(happened: Callable[[], object]) -> None:
    """Wait until it has happened; raises ``TimeoutError`` after a minute."""
    deadline = time.monotonic() + MOST_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not happen within {MOST_SECONDS:.0f} s")
        time.sleep(0.005)


def give_time(mistake: Callable[[], object]) -> None:
    """Give what must not happen a moment to happen."""
    deadline = time.monotonic() + MOMENT_SECONDS
    while not mistake() and time.monotonic() < deadline:
        time.sleep(0.001)


def meet(folder: Path, count: int = 2) -> None:
    """Wait until so many processes have come to the folder, which may not exist yet."""
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    wait_until(lambda: len(list(folder.iterdir())) >= count)
