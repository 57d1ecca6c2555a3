"""Rules of what a run may open past the interception, and the user's way out of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pytest_lmopt.lm.net.hosts import plain_host

_ENTRY = re.compile(r"off(?::\s*(?P<host>[\w.*-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?)?")


@dataclass(frozen=True, kw_only=True)
class Interception:
    """The user's word on hosts whose requests are left alone: neither counted nor recorded.

    ``off`` leaves all of them alone. ``hosts`` are pairs of a host, in which ``*`` stands for any
    text, and a port, None for all of its ports.
    """

    off: bool = False
    hosts: tuple[tuple[str, int | None], ...] = ()

    def allows(self, host: str, port: int | None) -> bool:
        """Decide whether requests to this host are left alone."""
        if self.off:
            return True
        name = plain_host(host)
        return any(
            fnmatchcase(name, pattern) and wanted in (None, port) for pattern, wanted in self.hosts
        )

    def __or__(self, other: Interception) -> Interception:
        """Both together."""
        return Interception(off=self.off or other.off, hosts=(*self.hosts, *other.hosts))

    def __str__(self) -> str:
        """The hosts in words."""
        if self.off:
            return "all hosts"
        return ", ".join(host if port is None else f"{host}:{port}" for host, port in self.hosts)


def parse_interception(text: str) -> Interception:
    """Read ``off``, ``off: HOST`` or ``off: HOST:PORT``; raises ``ValueError``."""
    found = _ENTRY.fullmatch(text.strip())
    if found is None or int(found["port"] or 0) > 65535:
        raise ValueError(f"'off', 'off: HOST' or 'off: HOST:PORT' expected, found {text!r}")
    if found["host"] is None:
        return Interception(off=True)
    host = plain_host(found["host"].strip("[]"))
    return Interception(hosts=((host, int(found["port"]) if found["port"] else None),))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rules for connections that a run opens past the interception.

    ``promise`` names what such a connection would break (a budget, a replay, a search): then one
    by name is an error; empty, it is only listed. ``replaying`` refuses public addresses, too.
    ``offered`` says that the user's own LM answers clients' calls as well; ``key_ignore`` are the
    parts of clients' requests that recordings leave out.
    """

    interception: Interception = Interception()
    promise: str = ""
    replaying: bool = False
    offered: bool = False
    key_ignore: tuple[str, ...] = ()
