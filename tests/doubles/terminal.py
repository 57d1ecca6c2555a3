"""A terminal: what a process writes to it, and the screen that this leaves."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_PIECE = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n])")
SECONDS = 60.0


class Terminal:
    """Of some columns, and as many lines as are written. Knows what pytest and we make use of."""

    def __init__(self, *, columns: int = 100) -> None:
        self._columns = columns
        self.written = ""

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: dict[str, str] | None = None,
        watch: Callable[[subprocess.Popen[bytes], str], Any] = lambda *_: None,
    ) -> int:
        """Run a command on it, ``watch`` being told all it has written; returns its status."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, self._columns, 0, 0))
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={
                **os.environ,
                "TERM": "xterm",
                "COLUMNS": str(self._columns),
                **(environment or {}),
            },
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        raw = b""
        try:
            while piece := _read(ours):
                raw += piece
                self.written = raw.decode(errors="ignore")
                watch(process, self.written)
            return process.wait(SECONDS)
        finally:
            process.kill()
            os.close(ours)

    @property
    def screen(self) -> list[str]:
        """What can be read on it now, line by line."""
        lines, row, column = [""], 0, 0
        for found in _PIECE.finditer(self.written):
            number, command, control, char = found.groups()
            if control == "\r":
                column = 0
            elif control == "\n":
                row += 1
            elif command == "A":
                row -= int(number or 1)
            elif command == "C":
                column = min(self._columns - 1, column + int(number or 1))
            elif command == "K":
                lines[row] = "" if number == "2" else lines[row][:column]
            elif char:
                if column == self._columns:
                    row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
                line = lines[row].ljust(column)
                lines[row] = line[:column] + char + line[column + 1 :]
                column += 1
            lines += [""] * (row + 1 - len(lines))
        return [line.rstrip() for line in lines]


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that nobody is left who could write
        return b""
