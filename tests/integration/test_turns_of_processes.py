"""Real processes of a session that take turns and are killed, counted from outside."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from pytest_lmopt.lm.processes import alive, token_of

MOST = 5


class Connections:
    """Counts connections on loopback: one for each turn that is out."""

    def __init__(self) -> None:
        self.most = 0
        self.total = 0
        self._counted = threading.Event()
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()

    def close(self) -> None:
        """Stop counting."""
        self._listening.close()

    def await_more(self, turns: int) -> None:
        """Wait for so many further turns, and until all were out at once."""
        wanted, deadline = self.total + turns, time.monotonic() + 60
        while self.total < wanted or self.most < MOST:
            assert time.monotonic() < deadline
            self._counted.wait(1.0)
            self._counted.clear()

    def _count(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.setblocking(False)
                # a turn's connection is closed before the turn is free, also by a kill
                self._open = [*filter(_is_open, self._open), connection]
                self.total += 1
                self.most = max(self.most, len(self._open))
                self._counted.set()


def _is_open(connection: socket.socket) -> bool:
    with suppress(BlockingIOError):
        with suppress(ConnectionError):
            connection.recv(1)
        connection.close()
        return False
    return True


@pytest.fixture
def counter() -> Iterator[Connections]:
    """A counter of turns."""
    with closing(Connections()) as counter:
        yield counter


Start = Callable[[int, float], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, counter: Connections) -> Iterator[Start]:
    """Starts a process with so many callers for so many seconds."""
    tests = Path(__file__).parent.parent
    python_path = f"{tests}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with ExitStack() as ending:

        def start(callers: int, seconds: float) -> subprocess.Popen[str]:
            script = [sys.executable, "-m", "doubles.turn_taking_process"]
            given = [tmp_path / "turns.sqlite", MOST, callers, seconds, counter.port]
            process = subprocess.Popen(
                [*script, *map(str, given)],
                env={**os.environ, "PYTHONPATH": python_path},
                stdout=subprocess.PIPE,
                text=True,
            )
            ending.enter_context(process)
            ending.callback(process.kill)
            return process

        yield start


def test_processes_that_are_killed_take_no_turn_with_them(
    start: Start, counter: Connections
) -> None:
    """With three processes killed at random, not reaped and followed by others, there are never
    too many turns out, and whoever is left has the use of all.
    """
    chance = random.Random(1)
    processes = [start(3, 60) for _ in range(3)]
    for _ in range(4):
        counter.await_more(chance.randrange(40, 80))
        processes.pop(chance.randrange(3)).kill()
        processes.append(start(3, 60))
    for process in processes:
        process.kill()
    assert counter.most == MOST
    counter.most = 0
    last = start(8, 0.5)
    said, _ = last.communicate(timeout=60)
    assert int(said) > MOST
    assert counter.most == MOST


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="other systems don't tell")
def test_a_process_that_has_ended_does_not_live_though_nobody_has_noticed() -> None:
    """Its number stays taken until its parent asks."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    token = token_of(process.pid)
    assert alive(token)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert alive(token) is False
    process.communicate()
    assert alive(token) is False
