"""Everything that is in place while suites run, in one block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_lmopt.lm.interception.hooks import intercepting
from pytest_lmopt.lm.net.audit import watching
from pytest_lmopt.lm.threads import carrying


@contextmanager
def hooked() -> Iterator[None]:
    """See what runs call and open, also on their threads, until the last such block ends."""
    with intercepting(), watching(), carrying():
        yield
