"""Text cut to the columns it has: on one line, whole, and from the end that tells least."""

from __future__ import annotations

from pytest_lmopt.safe_text import printable

__all__ = ["columns", "cut", "cut_off", "duration", "one_line", "printable", "shortened"]


_SIGNS = str.maketrans(dict.fromkeys("…⏎→−–±×≤≥αΔ·", "."))
"""Signs of our own, a column each: most reports need no table of all others."""
MOST_MARKS = 8
"""Characters looked at for each column: those without a column are marks upon others."""


def columns(text: str) -> int:
    """How many columns of a terminal a line takes, as the tables measure it, too."""
    if text.isascii() or text.translate(_SIGNS).isascii():
        return len(text)
    from wcwidth import wcswidth

    return wcswidth(printable(text))


def cut(text: str, width: int) -> str:
    """As much of the text's beginning as ``width`` columns hold."""
    head = text[: MOST_MARKS * width]
    while columns(head) > width:
        head = head[:-1]
    return head


def cut_off(text: str, width: int) -> str:
    """As much of the text's end as ``width`` columns hold."""
    tail = text[max(0, len(text) - MOST_MARKS * width) :]
    while columns(tail) > width:
        tail = tail[1:]
    return tail


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
    return cut(text, head) + more + cut_off(text, tail)


def duration(seconds: float) -> str:
    """So many seconds in the two largest units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
