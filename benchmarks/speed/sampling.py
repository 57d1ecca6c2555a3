"""Where the CPU of a pytest run goes: its threads' stacks, weighed by their CPU time.

    python sampling.py RESULT.json [PYTEST_ARGUMENTS …]

A thread's CPU since the last look counts for the stack it has now, so threads that wait count for
nothing. Needs Linux, whose threads have clocks that others can read.
"""

from __future__ import annotations

import json
import runpy
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

EVERY = 0.004
PARTS = {
    "pytest_lmopt/lm/money": "ledger",
    "pytest_lmopt/lm/session_file": "ledger",
    "pytest_lmopt/lm/recordings": "recordings",
    "pytest_lmopt/lm/sqlite_file": "",  # whoever writes is further out
    "pytest_lmopt/": "ours, other",
    "litellm/": "litellm",
    "openai/": "clients",
    "httpx": "clients",
    "httpcore": "clients",
    "aiohttp/": "clients",
    "anyio/": "clients",
    "_pytest/": "pytest",
    "pluggy/": "pytest",
    "xdist/": "pytest",
}
"""What a file belongs to, by how its path in the package's folder begins."""


def path_of(filename: str) -> str:
    """Return the path from the package on, for a package of ours or of others; else nothing."""
    _, found, rest = filename.rpartition("/site-packages/")
    if found:
        return rest
    _, found, rest = filename.rpartition("/pytest_lmopt/")
    return f"pytest_lmopt/{rest}" if found else ""


def part_of(files: list[str]) -> str:
    """Return what a stack's CPU went to; its files are named from the innermost frame out."""
    if any(file.startswith("<frozen importlib") for file in files):
        return f"imports: {_imported(files)}"
    for path in filter(None, map(path_of, files)):
        begun = next((begin for begin in PARTS if path.startswith(begin)), None)
        if begun is not None and PARTS[begun]:
            return _within(PARTS[begun], files)
    return "event loop" if any("/asyncio/" in file for file in files) else "other"


def _within(part: str, files: list[str]) -> str:
    """A client that litellm uses is litellm's."""
    inside = part == "clients" and any(path_of(file).startswith("litellm/") for file in files)
    return "litellm" if inside else part


def _imported(files: list[str]) -> str:
    """Return the outermost package being imported that is neither ours nor pytest's."""
    importing, ours = False, "Python and pytest"
    for file in reversed(files):
        if file.startswith("<frozen importlib"):
            importing = True
        elif importing and (package := path_of(file).partition("/")[0]):
            if package == "pytest_lmopt":
                ours = package
            elif package not in ("_pytest", "pytest", "pluggy"):
                return package.removesuffix(".py")
    return ours


class Sampler:
    """A thread that looks at all others; ``found`` are CPU seconds by part."""

    def __init__(self) -> None:
        self.found: defaultdict[str, float] = defaultdict(float)
        self._last: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> Mapping[str, float]:
        """Return what was found; what no look accounts for is of its own."""
        self._ended.set()
        self._thread.join()
        unseen = time.process_time() - sum(self.found.values())
        return {**self.found, "threads that ended between looks, and this sampler": unseen}

    def _run(self) -> None:
        own = threading.get_native_id()
        while not self._ended.wait(EVERY):
            frames = sys._current_frames()
            for thread in threading.enumerate():
                number, frame = thread.native_id, frames.get(thread.ident or 0)
                if number and frame and number != own:
                    self._look(number, frame)

    def _look(self, number: int, frame: FrameType) -> None:
        try:
            # pthread_getcpuclockid reads memory of a thread that may have ended; this is its result
            now = time.clock_gettime(~number << 3 | 6)
        except OSError:
            return
        used = now - self._last.get(number, 0.0)
        self._last[number] = now
        if used:
            self.found[part_of([*_files(frame)])] += used


def _files(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def read(path: Path) -> dict[str, float]:
    """Return what ``main`` wrote, the largest first."""
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main(path: str, *arguments: str) -> None:
    """Run pytest under the sampler and write what it found; ends as pytest does."""
    sampler = Sampler()
    sampler.start()
    sys.argv = ["pytest", *arguments]
    sys.path[0] = ""
    try:
        runpy.run_module("pytest", run_name="__main__", alter_sys=True)
    finally:
        Path(path).write_text(json.dumps(sampler.stop()), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
