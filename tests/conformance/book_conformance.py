"""What every account book must do, whatever it is kept in. A book's test class inherits this."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from conformance.processes import OTHER, OWN, ended
from doubles.manual_clock import ManualClock

from pytest_lmopt.lm.money.protocol import Amount, Book

Books = tuple[Book, Book]


def account(book: Book, session: str = "today", **given: Any) -> tuple[int, int]:
    """Open a session's account: its number, and the calls charged before."""
    usual: dict[str, Any] = {
        "owner": "suite",
        "budget": "9 calls",
        "purpose": "p",
        "holder": OWN,
        "resume": True,
    }
    return book.open_account(session=session, **(usual | given))


def charge(book: Book, *accounts: int, calls: int = 1, tokens: int = 10, micro_usd: int = 5) -> int:
    """Amount, by default one call."""
    with book.charging(accounts) as (_, charge_all):
        return charge_all(calls, tokens, micro_usd)


def charged(book: Book, number: int) -> tuple[int, int, int]:
    """Calls, tokens and millionths of a dollar."""
    spent = book.spent(number)
    return spent.calls, spent.tokens, spent.micro_usd


class BookConformance:
    """Inherit, and give the fixtures ``books``, two views of one empty book, as two processes have;
    and ``clock``, which is theirs.
    """

    @pytest.fixture
    def book(self, books: Books) -> Book:
        """One view of the book."""
        return books[0]

    def test_a_session_has_one_account_for_each_owner(self, books: Books) -> None:
        """Whichever of its processes asks; another session has its own."""
        one, other = books
        number, earlier = account(one)
        assert earlier == 0
        assert account(other) == (number, 0)
        numbers = {number, account(one, owner="class")[0], account(other, "tomorrow")[0]}
        assert len(numbers) == 3

    def test_accounts_are_charged_together_or_not_at_all(self, books: Books) -> None:
        """What all have spent is known before it is decided."""
        one, other = books
        suite, outer = account(one)[0], account(one, owner="class")[0]
        charge(one, suite, outer, tokens=10, micro_usd=5)
        charge(other, outer, tokens=1, micro_usd=2)
        with suppress(ZeroDivisionError), other.charging([suite, outer]) as (spent, charge_all):
            assert [each.calls for each in spent] == [1, 2]
            charge_all(1, 100, 100)
            raise ZeroDivisionError
        for book in books:
            assert charged(book, suite) == (1, 10, 5)
            assert charged(book, outer) == (2, 11, 7)

    def test_two_processes_never_spend_the_same_remainder(self, books: Books) -> None:
        """What is left when it is looked at is left until it is charged."""
        number, limit = account(books[0])[0], 60

        def spend(book: Book) -> None:
            for _ in range(limit):
                with book.charging([number]) as ((spent,), charge_all):
                    if spent.calls < limit:
                        charge_all(1, 1, 1)

        spenders = [threading.Thread(target=spend, args=(book,)) for book in books]
        for spender in spenders:
            spender.start()
        for spender in spenders:
            spender.join()
        assert charged(books[0], number) == (limit, limit, limit)

    def test_a_charge_is_settled_or_lost(self, books: Books) -> None:
        """What a call cost replaces what was reserved, in all accounts; a lost one stays as it is.
        Only the first payer's is *unsettled*.
        """
        one, other = books
        suite, outer = account(one)[0], account(one, owner="class")[0]
        settled, lost, _ = (charge(one, suite, outer) for _ in range(3))
        assert one.unsettled(suite) == 3
        other.settle(settled, tokens=7, micro_usd=0)
        other.lose(lost)
        assert charged(one, suite) == charged(one, outer) == (3, 27, 10)
        assert (one.unsettled(suite), one.unsettled(outer)) == (2, 0)
        entry, of_class = other.entries(2)
        assert (entry.settled, entry.lost, entry.reserved) == (1, 1, 1)
        assert (of_class.settled, of_class.lost, of_class.reserved) == (1, 1, 1)

    def test_a_charge_may_stand_for_several_calls(self, books: Books) -> None:
        """Settled, it counts those that were made, and tells which of them were lost."""
        one, other = books
        suite, outer = account(one)[0], account(one, owner="class")[0]
        several = charge(one, suite, outer, calls=10, tokens=100, micro_usd=50)
        assert charged(other, outer) == (10, 100, 50)
        assert one.unsettled(suite) == 10
        other.settle(several, calls=6, lost=2, tokens=40, micro_usd=20)
        assert charged(one, suite) == charged(one, outer) == (6, 40, 20)
        assert one.unsettled(suite) == 2
        other.lose(charge(one, suite, outer, calls=5))
        entry, of_class = one.entries(2)
        assert (entry.settled, entry.lost, entry.reserved) == (4, 7, 0)
        assert (of_class.settled, of_class.lost, of_class.reserved) == (4, 7, 0)

    def test_what_is_set_aside_stays_so_until_it_is_set_free(self, books: Books) -> None:
        """In every account given, in place of what the first of them had kept before."""
        one, other = books
        suite, second, outer = (account(one, owner=owner)[0] for owner in ("a", "b", "class"))

        def kept() -> list[Amount]:
            return [other.spent(number).aside for number in (suite, second, outer)]

        def calls(*numbers: int) -> list[Amount]:
            return [Amount(calls=n, tokens=9 * n, micro_usd=5 * n) for n in numbers]

        three, four, two = calls(3, 4, 2)
        one.keep([suite, outer], three)
        one.keep([second, outer], four)
        assert kept() == calls(3, 4, 7)
        one.keep([suite, outer], two)
        assert kept() == calls(2, 4, 6)
        one.keep([suite, outer], Amount())
        assert kept() == calls(0, 4, 4)

    def test_seconds_run_from_the_first_charge(self, book: Book, clock: ManualClock) -> None:
        """What comes before it costs no time."""
        number, _ = account(book)
        clock.advance(0.05)
        assert book.spent(number).seconds == 0.0
        charge(book, number)
        clock.advance(0.05)
        assert book.spent(number).seconds == pytest.approx(0.05, abs=1e-6)

    def test_what_a_killed_session_spent_stays_spent(
        self, books: Books, clock: ManualClock
    ) -> None:
        """Its account is continued: its open calls are lost, what it kept is free, and the time
        since its last call does not count.
        """
        one, other = books
        number, _ = account(one, "killed", holder=ended())
        one.settle(charge(one, number), tokens=3, micro_usd=1)
        clock.advance(0.05)
        charge(one, number)
        one.keep([number], Amount(calls=5))
        clock.advance(0.05)
        assert account(other) == (number, 2)
        assert account(one) == (number, 2)
        assert charged(one, number) == (2, 13, 6)
        spent = one.spent(number)
        assert spent.seconds == pytest.approx(0.05, abs=1e-6)
        assert spent.aside == Amount()
        (entry,) = one.entries(9)
        assert (entry.settled, entry.lost, entry.reserved) == (1, 1, 0)
        assert entry.is_open
        assert entry.continued
        assert entry.first is None
        charge(one, number)
        assert one.entries(1)[0].first is not None
        assert account(other, "one too many")[1] == 0

    def test_what_a_killed_session_kept_is_free_in_shared_accounts_too(self, books: Books) -> None:
        """Whether or not the suite that kept it is continued; what the new session keeps stays."""
        one, other = books
        holder = ended()
        suite, left_out, outer, whole = (
            account(one, "killed", holder=holder, owner=owner)[0]
            for owner in ("suite", "left out", "class", "session")
        )
        one.keep([suite, outer, whole], Amount(calls=2))
        one.keep([left_out, outer, whole], Amount(calls=5))
        assert account(other, owner="session")[0] == whole
        assert one.spent(whole).aside == Amount()
        assert account(other)[0] == suite
        other.keep([suite, whole], Amount(calls=3))
        assert account(other, owner="class")[0] == outer
        assert one.spent(outer).aside == Amount()
        assert one.spent(whole).aside == one.spent(suite).aside == Amount(calls=3)

    @pytest.mark.parametrize(
        "change", [{"owner": "x"}, {"budget": "x"}, {"purpose": "x"}, {"resume": False}]
    )
    def test_only_what_was_begun_alike_is_continued(
        self, books: Books, change: dict[str, Any]
    ) -> None:
        """And only if that is wanted."""
        one, other = books
        number, _ = account(one, "killed", holder=ended())
        charge(one, number)
        another, earlier = account(other, **change)
        assert (another != number, earlier) == (True, 0)

    @pytest.mark.parametrize("end", ["closed", "still running"])
    def test_who_was_not_killed_is_not_continued(self, books: Books, end: str) -> None:
        """Whether it ended in order or has not ended."""
        one, other = books
        number, _ = account(one, "before", holder=ended() if end == "closed" else OTHER)
        charge(one, number)
        if end == "closed":
            one.close_accounts("before")
        another, earlier = account(other)
        assert (another != number, earlier) == (True, 0)

    def test_a_session_that_ends_closes_its_accounts(self, books: Books) -> None:
        """What is reserved is lost; other sessions go on. Entries tell, the oldest first."""
        one, other = books
        suite, outer = account(one)[0], account(one, owner="class")[0]
        charge(one, suite, outer)
        charge(one, account(other, "tomorrow")[0])
        other.close_accounts("today")
        told = [
            (entry.owner, entry.is_open, entry.reserved, entry.lost) for entry in one.entries(9)
        ]
        assert told == [
            ("suite", False, 0, 1),
            ("class", False, 0, 1),
            ("suite", True, 1, 0),
        ]
        assert [entry.is_open for entry in one.entries(2)] == [False, True]
        (last,) = one.entries(1)
        assert (last.budget, last.spent.calls, last.continued) == ("9 calls", 1, False)
