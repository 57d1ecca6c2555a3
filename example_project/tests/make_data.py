"""Writes the two datasets beside this file: the same bytes each time. Goods and days are invented.

``ledger.jsonl``: a date as somebody wrote it in the ledger, and that day in ISO 8601.
``messages.jsonl``: a customer's message that mentions one day, and that day; the phrase the first
step has to find is not in the data.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

FIRST_DAY, DAYS = date(2019, 1, 1), 8 * 365

GOODS = """
honey; plum jam; lemon curd; olive paste; mustard; apple butter; green tea; oat biscuits; matches;
dried figs; salt crackers; coffee beans; almonds; rye flour; red lentils; brown rice; olive oil;
mint syrup; pear juice; ginger beer; candles; paper napkins; bread mix; wax crayons; sea salt;
cocoa powder; tomato soup; dark chocolate; lavender soap; wrapping paper; jute string; gold ribbon
"""

MESSAGES = """
I paid for the {goods} on {day} but got no receipt.
Could you deliver the {goods} on {day} instead?
My invoice from {day} shows the wrong price for {goods}.
We need {goods} for a party on {day}, is that possible?
The {goods} I got says best before {day}. Is it still good?
I ordered {goods} on {day} and nothing has come.
Is your shop open on {day}? I want to pick up {goods}.
Please hold my {goods} until {day}, we are away.
On {day} I sent the {goods} back. Where is my refund?
The courier says he brought the {goods} on {day}. He did not.
Since {day} I have waited for the {goods}.
Will the {goods} be in stock again by {day}?
"""

OPENINGS = ["", "", "Hello, ", "Hi! ", "Good morning. "]
ENTRIES = ["", "", "", "on ", "Paid "]


def written(chance: random.Random, day: date) -> str:
    """A day in one of the ways people write it, the month in letters."""
    long, short = day.strftime("%B"), day.strftime("%b")
    return chance.choice(
        [
            f"{day.day} {long} {day.year}",
            f"{long} {day.day}, {day.year}",
            f"{ordinal(day.day)} of {long} {day.year}",
            f"{ordinal(day.day)} {long} {day.year}",
            f"{day.day} {short} {day.year}",
            f"{short} {day.day}, {day.year}",
        ]
    )


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th; 11th, 12th, 13th."""
    if number in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def ledger_row(chance: random.Random) -> tuple[str, str, str]:
    """Input name, input and expected answer of one ledger entry."""
    day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    return "entry", chance.choice(ENTRIES) + written(chance, day), day.isoformat()


def message_row(chance: random.Random) -> tuple[str, str, str]:
    """Input name, input and expected answer of one message."""
    day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    goods = chance.choice(GOODS.split(";")).strip()
    body = chance.choice(MESSAGES.strip().splitlines())
    body = body.format(goods=goods, day=written(chance, day))
    return "message", chance.choice(OPENINGS) + body, day.isoformat()


def write(name: str, rows: int, make: Callable[[random.Random], tuple[str, str, str]]) -> None:
    """Write ``rows`` distinct rows to ``name``.jsonl."""
    chance = random.Random(name)
    distinct: dict[str, tuple[str, str, str]] = {}
    while len(distinct) < rows:
        row = make(chance)
        distinct.setdefault(row[1], row)
    lines = [
        json.dumps({"id": f"{name}-{number:03}", "inputs": {field: text}, "expected": expected})
        for number, (field, text, expected) in enumerate(distinct.values(), start=1)
    ]
    path = Path(__file__).parent / f"{name}.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write("ledger", 150, ledger_row)
    write("messages", 180, message_row)
