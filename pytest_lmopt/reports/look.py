"""How things look on one terminal: its width, its colours, the characters it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any, Literal, TypeVar

from pytest_lmopt.reports.text import one_line, shortened
from pytest_lmopt.safe_text import printable

Style = Literal["", "good", "bad", "unsure", "lost", "place", "title"]

_CODES: Mapping[Style, str] = {
    "good": "32",
    "bad": "1;31",
    "unsure": "33",
    "lost": "31",
    "place": "36",
    "title": "1",
}
_PLAIN = {
    "→": "->",
    "−": "-",
    "–": "-",
    "…": "...",
    "⏎": "\\n",
    "±": "+-",
    "×": "x",
    "α": "alpha",
    "κ": "kappa",
}

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a report must know of where it is shown.

    ``width`` in columns; ``verbosity`` as pytest counts it; ``encoding`` of the output. ``command``
    turns a suite's name into what one types after ``pytest`` to run it, and ``options`` are this
    run's that come after that, each behind a blank; ``accept`` is the option that accepts here.
    """

    width: int = 80
    verbosity: int = 0
    colour: bool = False
    encoding: str = "utf-8"
    command: Callable[[str], str] = str
    options: str = ""
    accept: str = "--lm-snapshot-update"

    def paint(self, text: str, style: Style) -> str:
        """The text in colour, where there are colours; words must say the same."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and style and text else text

    def spell(self, text: str) -> str:
        """The text in characters that the output has."""
        if self._has(text):
            return text
        return (
            self.spell_signs(text).encode(self.encoding, "backslashreplace").decode(self.encoding)
        )

    def spell_signs(self, text: str) -> str:
        """The text with those signs of ours that the output lacks written in others."""
        lacking = {ord(sign): plain for sign, plain in _PLAIN.items() if not self._has(sign)}
        return text.translate(lacking)

    def fit(self, value: Value) -> Value:
        """A value with every text in it made fit to be shown, at any depth.

        Control characters are written out, characters that the output lacks replaced: here and
        nowhere later, so that what is measured is what is shown.
        """
        found: Any = value
        if isinstance(value, str) and not isinstance(value, Enum):
            found = self.spell(printable(value))
        elif isinstance(value, tuple):
            found = tuple(map(self.fit, value))
        elif is_dataclass(value) and not isinstance(value, type):
            fitted = {item.name: self.fit(getattr(value, item.name)) for item in fields(value)}
            found = replace(value, **fitted)
        return found  # type: ignore[no-any-return]

    def one_line(self, text: str, indent: int = 0) -> str:
        """The text on one line, cut to what the width leaves after ``indent`` columns."""
        room = max(20, self.width - indent)
        return one_line(text, room, more=self._more, newline=self.spell("⏎"))

    def name(self, name: str, width: int) -> str:
        """A name without its middle, if it is wider than ``width`` columns."""
        return shortened(name.replace("\n", self.spell("⏎")), width, more=self._more)

    @cached_property
    def _more(self) -> str:
        return self.spell("…")

    def _has(self, text: str) -> bool:
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True
