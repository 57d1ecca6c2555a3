"""A process that asks a server as often as its budget allows: ``BOOK CALLS URL CONCURRENCY``.

Its calls are plain HTTP, so that it starts quickly. It ends when the budget is used up.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from doubles.plain_http import PlainHTTP

from pytest_lmopt import Budget
from pytest_lmopt.errors import BudgetExhaustedError, MissingAnswerError
from pytest_lmopt.lm.faults.retries import Retrying
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.ledger import Account, Ledger, Sitting
from pytest_lmopt.lm.money.metered import Metered
from pytest_lmopt.lm.processes import token_of
from pytest_lmopt.wire import Message, Request

SESSION, OWNER, TIMEOUT_SECONDS = "the session", "test_spend", 0.3


async def spend(ledger: Ledger, url: str, concurrency: int) -> None:
    """Ask until nothing is left."""
    lm = Retrying(Metered(PlainHTTP(url, timeout=TIMEOUT_SECONDS), ledger), first_wait=0.01)

    async def keep_asking(number: int) -> None:
        asked = 0
        while True:
            asked += 1
            question = Message("user", f"{os.getpid()} {number} {asked}")
            try:
                await lm.complete(Request(model="m", messages=(question,)))
            except MissingAnswerError:
                continue
            except BudgetExhaustedError:
                return

    await asyncio.gather(*map(keep_asking, range(concurrency)))


def main(book: Path, calls: int, url: str, concurrency: int) -> None:
    """Spend together with all processes that have the same book."""
    sitting = Sitting(session=SESSION, holder=token_of(os.getppid()), purpose="", resume=False)
    account = Account(Budget(calls=calls), owner=OWNER, book=SqliteBook(book), sitting=sitting)
    asyncio.run(spend(Ledger([account]), url, concurrency))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
