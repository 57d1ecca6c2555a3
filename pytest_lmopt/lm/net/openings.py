"""Openings: connections and processes that a run opened past the interception."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["name", "address", "process", "library"]
Harmless = Literal["", "refused", "no models", "off"]


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Something opened past the interception, and how many times.

    ``target`` is ``host:port``, a program or a library; ``example`` is the id of the first example
    that opened it, empty in a fixture. ``harmless`` says why a connection breaks no promise: it
    was refused, its host is known to serve no models, or ``lm_intercept`` is off for it.
    """

    kind: Kind
    target: str
    times: int = 1
    example: str = ""
    harmless: Harmless = ""


class Openings:
    """Openings of one run; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[tuple[Kind, str, Harmless], int] = {}
        self._ports: set[int | None] = set()
        self._portless: list[str] = []

    def note(self, kind: Kind, target: str, harmless: Harmless = "") -> None:
        """Count one more."""
        with self._lock:
            key = (kind, target, harmless)
            self._noted[key] = self._noted.get(key, 0) + 1

    def look_up(self, name: str, port: int | None) -> None:
        """Note that a name was looked up, for connections to its addresses."""
        with self._lock:
            if port is None:
                self._portless.append(name)
            else:
                self._ports.add(port)

    def is_named(self, port: int) -> bool:
        """Decide whether a connection to this port is one of a name looked up with it."""
        return port in self._ports

    def take_portless(self) -> str | None:
        """Take the first name that was looked up without a port; None where there is none."""
        with self._lock:
            return self._portless.pop(0) if self._portless else None

    def listed(self, example: str = "") -> tuple[Opening, ...]:
        """List the openings as those of an example."""
        with self._lock:
            return tuple(
                Opening(kind=kind, target=target, times=times, example=example, harmless=harmless)
                for (kind, target, harmless), times in self._noted.items()
            )


def merged(openings: Iterable[Opening]) -> tuple[Opening, ...]:
    """Add up equal openings of several runs; the first example stays."""
    found: dict[tuple[Kind, str, Harmless], Opening] = {}
    for each in openings:
        key = (each.kind, each.target, each.harmless)
        known = found.get(key)
        found[key] = each if known is None else replace(known, times=known.times + each.times)
    return tuple(found.values())


def unseen(openings: Iterable[Opening]) -> bool:
    """Decide whether calls may have been made that were not seen."""
    return any(each.kind == "name" and not each.harmless for each in openings)
