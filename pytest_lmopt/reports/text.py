"""Text from models and users made safe and short for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters (terminal escapes among them) written out."""
    return "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )


def one_line(text: str, width: int) -> str:
    """The text on one line of at most ``width`` characters."""
    flat = printable(text).replace("\n", "⏎")
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"
