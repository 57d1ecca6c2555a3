"""The journal of a search: what it decided, line by line, so that a killed search goes on.

The answers are in the recordings, and every decision follows from them and the seed; so a search
that was killed is repeated, for nothing, up to where it ended, and goes on from there. The journal
says that there is such a search, that it was of the same inputs, and that the repetition takes the
same turns. One JSON object a line, on the disk before the next call is paid for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pytest_lmopt.errors import JournalError

VERSION = 1
_TOO_MUCH = 2**53


class Journal:
    """One suite's journal; without a path it is kept nowhere.

    After ``begin``, ``note`` says in words what became of an unfinished search, if there was one.
    """

    def __init__(self, path: Path | None = None, *, resume: bool = True) -> None:
        self.note = ""
        self._path = path
        self._resume = resume
        self._expected: list[dict[str, Any]] = []
        self._kept: list[dict[str, Any]] = []

    def begin(self, inputs: Mapping[str, Any]) -> None:
        """Start, or continue what an unfinished search of the same inputs has left."""
        found = _read(self._path) if self._path is not None else []
        finished = any(event["event"] == "finished" for event in found)
        header = {"event": "begun", "version": VERSION, "inputs": dict(inputs)}
        if found and not finished and self._resume:
            before = found[0].get("inputs")
            before = before if isinstance(before, dict) else {}
            changed = [name for name in inputs if before.get(name) != inputs[name]]
            if found[0] == header:
                self._expected = found[1:]
                self._write(found)
                self._kept = [header]
                self.note = (
                    f"continued a search that was killed, {len(self._expected)} steps after its "
                    "beginning"
                )
                return
            self.note = (
                "an unfinished search was not continued: since then "
                f"{', '.join(changed) or 'the format'} changed"
            )
        self._kept = [header]
        self._write(self._kept)

    def decided(self, event: str, value: int | None) -> int | None:
        """A figure to go by: the one a killed search went by, as far as it came, else ``value``.

        Calls that were in flight at the kill are lost, so the figure would not be the same again.
        """
        if self._expected and self._expected[0]["event"] == event:
            before = self._expected[0].get("value")
            if before is None or (type(before) is int and 0 <= before < _TOO_MUCH):
                self._kept.append(self._expected.pop(0))
                return before
        self.record(event, value=value)
        return value

    def record(self, event: str, **what: Any) -> None:
        """Record a step; one that the killed search had taken already must be the same."""
        entry = json.loads(json.dumps({"event": event, **what}))
        if self._expected:
            if self._expected.pop(0) == entry:
                self._kept.append(entry)
                return
            # seconds and dollars may bind elsewhere on a second run: what it now does counts
            self._expected.clear()
            self.note += f"; it took another turn at {event!r}"
            self._write(self._kept)
        self._kept.append(entry)
        if self._path is not None:
            with self._usable(), self._path.open("a", encoding="utf-8") as file:
                _put(file, [entry])

    def _write(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Write the journal anew, the old one staying whole until then."""
        if self._path is None:
            return
        with self._usable():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".draft")
            with draft.open("w", encoding="utf-8") as file:
                _put(file, entries)
            draft.replace(self._path)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Report the system's errors as ours: without its journal a search can't go on."""
        try:
            yield
        except OSError as error:
            assert self._path is not None
            raise JournalError(error.strerror or str(error), path=self._path) from error


def _put(file: TextIO, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write entries, on the disk when this returns."""
    file.writelines(json.dumps(entry, sort_keys=True) + "\n" for entry in entries)
    file.flush()
    os.fsync(file.fileno())


def _read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal; a last one cut short by a kill is left out."""
    try:
        lines = path.read_bytes().split(b"\n") if path.is_file() else []
    except OSError:
        return []
    events: list[dict[str, Any]] = []
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):  # what comes after is not known to follow
            break
        if not isinstance(event, dict) or "event" not in event:
            break
        events.append(event)
    return events
