"""Answers that processes pay for together: none is lost or paid for twice, but those in flight."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from doubles.meeting import wait_until
from doubles.openai_server import OpenAIServer
from doubles.recording_process import LEDGER, RECORDINGS, question

from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.recordings.store import SqliteRecordings

QUESTIONS, CONCURRENCY = 400, 16


def _asker(folder: Path, url: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "doubles.recording_process"]
    tests = Path(__file__).parent.parent
    return subprocess.Popen(
        [*command, str(folder), url, str(QUESTIONS), str(CONCURRENCY)],
        env={**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )


def _recorded(folder: Path) -> int:
    with closing(SqliteRecordings(folder / RECORDINGS)) as store:
        return sum(store.get(question(number).key) is not None for number in range(QUESTIONS))


def test_a_kill_in_the_middle_loses_the_calls_in_flight_at_most(tmp_path: Path) -> None:
    """Whatever was answered before is recorded, and whatever was asked is charged; the process that
    goes on with the same folder asks for nothing else again.
    """
    server = OpenAIServer(lambda _: "ok")
    with server.running():
        killed = _asker(tmp_path, server.url)
        wait_until(lambda: server.calls >= QUESTIONS // 2)
        killed.kill()
        killed.wait()
        seen, recorded = server.calls, _recorded(tmp_path)
        with closing(SqliteBook(tmp_path / LEDGER)) as book:
            (entry,) = book.entries(1)
        assert seen - CONCURRENCY <= recorded <= seen
        assert seen <= entry.spent.calls == entry.settled + entry.reserved
        assert entry.reserved <= CONCURRENCY
        assert _asker(tmp_path, server.url).wait(60) == 0
        assert _recorded(tmp_path) == QUESTIONS
        by_the_killed = server.calls - (QUESTIONS - recorded)
        assert seen <= by_the_killed <= entry.spent.calls  # some requests arrived after the kill


def test_two_processes_on_one_folder_pay_for_each_answer_once(tmp_path: Path) -> None:
    """Both ask the same at the same time."""
    server = OpenAIServer(lambda _: "ok")
    with server.running():
        askers = [_asker(tmp_path, server.url) for _ in range(2)]
        assert [asker.wait(60) for asker in askers] == [0, 0]
    asked = Counter(str(each["messages"]) for each in server.requests)
    assert (len(asked), server.calls) == (QUESTIONS, QUESTIONS)
    with closing(SqliteBook(tmp_path / LEDGER)) as book:
        (entry,) = book.entries(1)
    assert entry.spent.calls == entry.settled == QUESTIONS
    assert _recorded(tmp_path) == QUESTIONS
