"""Text cut to the columns it has: on one line, whole, and from the end that tells least."""

from __future__ import annotations

import unicodedata

from pytest_lmopt.safe_text import printable

__all__ = ["columns", "cut", "duration", "one_line", "printable", "shortened"]


def columns(text: str) -> int:
    """How many columns of a terminal a line takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def cut(text: str, width: int) -> str:
    """As much of the text's beginning as ``width`` columns hold."""
    taken = 0
    for place, char in enumerate(text):
        taken += _columns_of(char)
        if taken > width:
            return text[:place]
    return text


def one_line(text: str, width: int, *, more: str = "…", newline: str = "⏎") -> str:
    """The text on one line of at most ``width`` columns; ``more`` says that there is more."""
    # the rest is not looked at: it may be long
    flat = printable(text[: 2 * width + 1]).replace("\n", newline)
    return flat if columns(flat) <= width else cut(flat, width - len(more)) + more


def shortened(text: str, width: int, *, more: str = "…") -> str:
    """The text at most ``width`` columns wide, without its middle: the end tells most."""
    if columns(text) <= width:
        return text
    head = max(0, (width - len(more)) * 2 // 5)
    tail = max(0, width - len(more) - head)
    return cut(text, head) + more + cut(text[::-1], tail)[::-1]


def duration(seconds: float) -> str:
    """So many seconds in the two largest units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):  # on the character before
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
