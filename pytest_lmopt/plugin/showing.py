"""``--lm-ledger``: what the last accounts were charged, shown in place of a test run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from pytest_lmopt.errors import BookError
from pytest_lmopt.lm.money.protocol import Book
from pytest_lmopt.plugin.session import stores_in
from pytest_lmopt.reports.look import Look
from pytest_lmopt.safe_text import without_commands
from pytest_lmopt.stores.folder import StateFolder

SHOWN = 20


def show_ledger(config: pytest.Config) -> int:
    """Print the accounts; returns the exit status."""
    look = Look(encoding=getattr(sys.stdout, "encoding", None) or "ascii")
    stores = stores_in(StateFolder(config.rootpath, session="none"))
    if not stores.has_book:
        print(
            without_commands(
                look.fit(f"no ledger yet: nothing was charged under {config.rootpath}")
            )
        )
        return int(pytest.ExitCode.OK)
    try:
        with closing(stores.open_book()) as book:
            if book.notice:
                print(without_commands(look.fit(f"note: {book.notice}")))
            for line in ledger_lines(book, look):
                print(without_commands(line))
    except BookError as error:
        raise pytest.UsageError(str(error)) from None
    return int(pytest.ExitCode.OK)


def ledger_lines(book: Book, look: Look) -> Iterator[str]:
    """A table of the last accounts, oldest first.

    *lost* calls brought no answer but may have been billed; *in flight* ones may yet bring one,
    or belong to a session that was killed and not yet continued. Times are local.
    """
    from tabulate import tabulate

    rows = [
        [
            look.fit(entry.owner),
            entry.budget,
            "open" if entry.is_open else "closed",
            entry.spent.calls,
            entry.settled,
            entry.lost,
            entry.reserved,
            f"{entry.spent.tokens:,}",
            f"${entry.spent.micro_usd / 1e6:.4f}",
            f"continued {_local(entry.first)}" if entry.continued else _local(entry.first),
            _local(entry.last),
        ]
        for entry in book.entries(SHOWN)
    ]
    headers = [
        "account",
        "budget",
        "state",
        "charged",
        "settled",
        "lost",
        "in flight",
        "tokens",
        "usd",
        "first charge",
        "last charge",
    ]
    yield from tabulate(rows, headers, tablefmt="simple").splitlines()


def _local(moment: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment)) if moment else ""
