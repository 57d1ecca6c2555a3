"""Server-sent events: read from a body, and written to one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE_END = re.compile("\r\n|\n|\r")


class Event(NamedTuple):
    """One event; ``name`` is empty where the stream gives none."""

    name: str
    data: str

    def spelt(self) -> bytes:
        """Spell the event as it is sent."""
        head = f"event: {self.name}\n" if self.name else ""
        return f"{head}data: {self.data}\n\n".encode()


def pieces(body: bytes) -> Iterator[bytes]:
    """Cut a body into its events, each with the blank line behind it; nothing is lost."""
    start = 0
    while start < len(body):
        ends = [
            found + len(mark)
            for mark in (b"\n\n", b"\r\n\r\n", b"\r\r")
            if (found := body.find(mark, start)) >= 0
        ]
        end = min(ends, default=len(body))
        yield body[start:end]
        start = end


def events(body: bytes) -> Iterator[Event]:
    """Read the events that hold data; comments and other fields are passed over."""
    for piece in pieces(body):
        name, data = "", []
        for line in _LINE_END.split(piece.decode("utf-8", "replace")):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if data:
            yield Event(name, "\n".join(data))
