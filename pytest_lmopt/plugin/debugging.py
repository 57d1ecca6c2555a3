"""``--lm-debug``: the traceback behind an error that is otherwise shown in a line."""

from __future__ import annotations

import sys
import traceback

from pytest_lmopt.known_secrets import note_error
from pytest_lmopt.safe_text import shown


def traceback_of(error: BaseException) -> str:
    """Format an error's traceback after those of all its causes, without secrets."""
    note_error(error)
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain:
        chain.append(found)
        # also what was left out on purpose, for the message has it already
        found = found.__cause__ or found.__context__
    texts = ["".join(traceback.format_exception(each, chain=False)) for each in reversed(chain)]
    return shown("\nwhich was reported as\n\n".join(texts))


class Tracebacks:
    """Writes tracebacks where the test's own errors go, each place once; nothing if not wanted."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._written: set[tuple[str, int]] = set()

    def tell(self, error: BaseException) -> None:
        """Write the error's traceback, unless one from the same place was written."""
        frames = traceback.extract_tb(error.__traceback__)
        place = (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
        if self._wanted and place not in self._written:
            self._written.add(place)
            print(shown(f"--lm-debug:\n{traceback_of(error)}"), file=sys.stderr)
