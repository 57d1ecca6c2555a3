"""A process that pays for answers and records them: ``FOLDER URL QUESTIONS CONCURRENCY``.

Processes with one folder ask the same questions. Their calls are plain HTTP, so that they
start quickly.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path

from doubles.plain_http import PlainHTTP

from pytest_lmopt import Budget
from pytest_lmopt.lm.faults.concurrency import Gates
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.ledger import Account, Ledger, Sitting
from pytest_lmopt.lm.processes import token_of
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.stack import Traffic, suite_lm
from pytest_lmopt.wire import Message, Request

LEDGER, RECORDINGS = "ledger.sqlite", "recordings.sqlite"


def question(number: int) -> Request:
    """One of the questions."""
    return Request(model="m", messages=(Message("user", f"word {number}"),))


async def ask_all(lm: LM, questions: int, concurrency: int) -> None:
    """Ask them in turn, so many at once."""
    left = iter(range(questions))

    async def keep_asking() -> None:
        for number in left:
            await lm.complete(question(number))

    await asyncio.gather(*(keep_asking() for _ in range(concurrency)))


def main(folder: Path, url: str, questions: int, concurrency: int) -> None:
    """Ask together with all processes that have the same folder."""
    with (
        closing(SqliteBook(folder / LEDGER)) as book,
        closing(SqliteRecordings(folder / RECORDINGS)) as store,
    ):
        sitting = Sitting(session="s", holder=token_of(os.getppid()), purpose="", resume=False)
        account = Account(Budget(), owner="test_ask", book=book, sitting=sitting)
        lm = suite_lm(
            PlainHTTP(url),
            ledger=Ledger([account]),
            store=store,
            mode="auto",
            traffic=Traffic(gates=Gates(concurrency)),
        )
        asyncio.run(ask_all(lm, questions, concurrency))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
