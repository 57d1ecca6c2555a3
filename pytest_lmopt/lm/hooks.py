"""Everything that is in place while suites run, in one block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_lmopt.lm.net.audit import watching
from pytest_lmopt.lm.threads import carrying


@contextmanager
def hooked() -> Iterator[None]:
    """Watch what runs open, and have their threads carry the context, until the last block ends."""
    with watching(), carrying():
        yield
