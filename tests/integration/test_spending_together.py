"""The invariant: whatever happens to whom, a server never sees one call more than the budget."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

from doubles.meeting import wait_until
from doubles.openai_server import Fault, OpenAIServer
from doubles.spending_process import OWNER

from pytest_lmopt.lm.money.book import SqliteBook

CALLS, PROCESSES, CONCURRENCY = 600, 4, 32


def _spender(book: Path, url: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "doubles.spending_process"]
    tests = Path(__file__).parent.parent
    return subprocess.Popen(
        [*command, str(book), str(CALLS), url, str(CONCURRENCY)],
        env={**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )


def _asked(server: OpenAIServer, calls: int) -> bool:
    return server.calls >= calls


def test_four_processes_with_faults_and_kills_stay_within_one_budget(tmp_path: Path) -> None:
    """Killed at random, refused with 429 and timed out: the books balance with the server's count.

    Every call the server saw was charged; what was charged is settled, lost, or was in flight in
    a process that died; the survivors spend the rest to the last call.
    """
    chance = random.Random(1)
    server, ended = OpenAIServer(lambda _: "ok"), threading.Event()
    faults = [Fault(status=429), Fault(status=0), None, None, None, None, None]

    def fault(number: int) -> Fault | None:
        if number % 50 == 0:
            ended.wait(60)  # longer than the client waits
        return faults[number % len(faults)]

    server.fault = fault
    book = tmp_path / "ledger.sqlite"
    with server.running():
        processes = [_spender(book, server.url) for _ in range(PROCESSES)]
        for killed_at in (100, 250):
            wait_until(partial(_asked, server, killed_at))
            victim = processes.pop(chance.randrange(len(processes)))
            victim.kill()
            victim.wait()
            processes.append(_spender(book, server.url))
        assert [process.wait(120) for process in processes] == [0] * PROCESSES
        ended.set()
    (entry,) = SqliteBook(book).entries(1)
    assert entry.owner == OWNER
    assert entry.spent.calls == CALLS == entry.settled + entry.lost + entry.reserved
    assert entry.settled <= server.calls <= CALLS
    assert entry.lost > 0
    assert entry.reserved <= 2 * CONCURRENCY
    assert CALLS - server.calls <= entry.reserved + entry.lost
