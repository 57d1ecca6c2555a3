"""pytest's terminal with a line of ours on it that never gets in the way of what pytest writes."""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter

UNKNOWN_WIDTH = 80
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ERASE = "\r\x1b[2K"


class Screen:
    """Stands in for the file of pytest's terminal writer while there is a line of ours.

    That line is below what pytest has begun to write, and is gone before pytest goes on. It goes
    past pytest's capturing, so a test's output is left alone. Made while nothing is captured; used
    by several threads.
    """

    def __init__(self, writer: TerminalWriter) -> None:
        self._lock = threading.RLock()
        self._writer = writer
        self._file = writer._file
        self._descriptor: int | None = None
        with suppress(OSError, ValueError, AttributeError):
            self._descriptor = os.dup(self._file.fileno())
        self._offered = self._taken = False
        self._shown = ""
        self._tail = ""

    @property
    def width(self) -> int:
        """Columns that a line may take without the terminal going to the next."""
        width = 0
        if self._descriptor is not None:
            with suppress(OSError):
                width = os.get_terminal_size(self._descriptor).columns
        return (width or UNKNOWN_WIDTH) - 1

    def offer(self) -> None:
        """From now on lines may come."""
        self._offered = True

    def give_back(self) -> None:
        """Erase the line, and have none until the screen is offered again."""
        with self._lock:
            self._erase()
            self._offered = self._taken = False
            if self._writer._file is self:
                self._writer._file = self._file

    def close(self) -> None:
        """Forget the terminal, once given back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def show(self, line: str) -> None:
        """Show a line in place of the one before; an empty one erases it."""
        with self._lock:
            if line == self._shown or not self._take():
                return
            if not line:
                return self._erase()
            begin = _ERASE if self._shown or not self._tail else "\n"
            self._shown = line
            self._put(begin + line)

    def tell(self, line: str) -> None:
        """Write a line that stays."""
        with self._lock:
            if self._take():
                self._put(("\n" if self._tail else "") + line + "\n")
                self._tail = ""

    def write(self, text: str) -> None:
        """What pytest writes."""
        with self._lock:
            self._erase()
            self._file.write(text)
            self._file.flush()  # before anything of ours, which goes another way
            self._follow(self._tail + text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _take(self) -> bool:
        """See what pytest writes from now on; whether that is still wanted."""
        if self._offered and not self._taken:
            self._taken = True
            self._follow(self._writer._current_line)
            self._writer._file = self
        return self._offered

    def _follow(self, text: str) -> None:
        """Keep what stands on the last line."""
        self._tail = re.split(r"[\r\n]", _COLOURS.sub("", text))[-1]

    def _erase(self) -> None:
        if not self._shown:
            return
        self._shown = ""
        from pytest_lmopt.reports.text import columns

        width = self.width + 1
        at = columns(self._tail)
        column = at % width or min(at, width - 1)
        up = "\x1b[1A" if self._tail else ""
        self._put(_ERASE + up + (f"\x1b[{column}C" if column else ""))

    def _put(self, text: str) -> None:
        if self._descriptor is None:
            self._file.write(text)
            self._file.flush()
        else:
            os.write(self._descriptor, text.encode(self._file.encoding or "ascii", "replace"))
