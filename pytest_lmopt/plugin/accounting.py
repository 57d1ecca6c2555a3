"""The accounts a suite's calls are charged to: its own, its class's and module's, the session's."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pytest_lmopt.canonical import digest
from pytest_lmopt.errors import BookError
from pytest_lmopt.lm.money.ledger import Account, Ledger, Sitting
from pytest_lmopt.lm.net.rules import Interception, Rules
from pytest_lmopt.suites.budget import Budget

if TYPE_CHECKING:
    from pytest_lmopt.plugin.options import Options
    from pytest_lmopt.plugin.records import MarkedSuite
    from pytest_lmopt.plugin.session import LmSession

SESSION = "the session (--lm-budget)"

LEAST_ROOM = 1_000_000
"""Bytes, enough for about 2,500 calls in the account book."""


def suite_ledger(session: LmSession, marked: MarkedSuite) -> Ledger:
    """The ledger of a suite; suites under the same mark share that mark's account.

    Raises ``BookError``.
    """
    try:
        if session.options.cache == "off":
            _check_room(session)
        return _suite_ledger(session, marked)
    except BookError as error:
        session.give_up_book(error)
    return _suite_ledger(session, marked)


def rules_of(session: LmSession, marked: MarkedSuite, ledger: Ledger) -> Rules:
    """Find what a suite may open past the interception."""
    options = session.options
    limited = (
        f"the budget of {account.owner} ({account.budget})"
        for account in ledger.accounts
        if {account.budget.calls, account.budget.tokens, account.budget.usd} != {None}
    )
    promise = next(limited, "--lm-optimize" if options.strategy else "")
    replaying = options.cache == "replay"
    promise = "--lm-cache=replay" if replaying else promise
    return marked_rules(options, marked, promise=promise, replaying=replaying)


def marked_rules(options: Options, marked: MarkedSuite, *, promise: str, replaying: bool) -> Rules:
    """The rules of a suite by its mark and the options, with what its calls must keep."""
    return Rules(
        interception=Interception(off=not marked.intercepted)
        | (options.intercept or Interception()),
        promise=promise,
        replaying=replaying,
        offered=marked.lm is not None,
        key_ignore=options.key_ignore,
        recorded_body=marked.recorded_body,
    )


def _check_room(session: LmSession) -> None:
    """Raise ``BookError`` where the book would soon fill the disk: then it can end with the run."""
    folder = session.folder.path
    free = shutil.disk_usage(folder if folder.exists() else session.root).free
    if free < LEAST_ROOM:
        raise BookError(f"its disk has only {free:,} bytes left", path=folder)


def _suite_ledger(session: LmSession, marked: MarkedSuite) -> Ledger:
    suite = marked.suite
    content = digest([suite.dataset.digest, suite.metric_digest, suite.repeats])
    budgets = {suite.name: Budget()}
    budgets |= {mark.owner: mark.budget for mark in marked.budgets}
    if session.options.budget is not None:
        budgets[SESSION] = session.options.budget
    return Ledger(
        [
            _account(session, owner, budget, content if owner == suite.name else "")
            for owner, budget in budgets.items()
        ]
    )


def _account(session: LmSession, owner: str, budget: Budget, content: str) -> Account:
    options = session.options
    purpose = [options.strategy, options.seed, options.resplit, options.model, content]
    return Account(
        budget,
        owner=owner,
        book=session.book,
        sitting=Sitting(
            session=session.name,
            holder=session.owner,
            purpose=digest(purpose),
            # without recordings there is nothing to continue from
            resume=options.resume and options.cache == "auto",
        ),
    )
