"""Text from models and users made safe and short for a terminal."""

from __future__ import annotations

from pytest_lmopt.safe_text import printable

__all__ = ["one_line", "printable"]


def one_line(text: str, width: int) -> str:
    """The text on one line of at most ``width`` characters."""
    flat = printable(text).replace("\n", "⏎")
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"
