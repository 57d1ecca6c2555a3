"""Threads that runs start know the run: their work runs in a copy of the starter's context.

Only where the starter is in a run, or is our own traffic. A thread of a pool serves other runs
later, so its own context names none; each work that it is given brings its own.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from pytest_lmopt.lm.replacing import Function, Replacement
from pytest_lmopt.lm.tracing import here, is_our_own, leave_run, started_by_run


@contextmanager
def carrying() -> Iterator[None]:
    """Have threads and pools carry the context until the last such block ends."""
    with _SUBMIT.in_place(), _START.in_place():
        yield


def _submitting(original: Function) -> Function:
    def submit(pool: ThreadPoolExecutor, function: Any, /, *given: Any, **named: Any) -> Any:
        if here() is None and not is_our_own():
            return original(pool, function, *given, **named)
        work, bare = contextvars.copy_context(), contextvars.copy_context()
        bare.run(leave_run)
        return bare.run(original, pool, work.run, function, *given, **named)

    return submit


def _starting(original: Function) -> Function:
    def start(thread: threading.Thread) -> Any:
        if here() is None and not is_our_own():
            return original(thread)
        context, own = contextvars.copy_context(), vars(thread)
        context.run(started_by_run)
        run, kept = thread.run, "run" in own

        def carried() -> None:
            give_back()
            context.run(run)

        def give_back() -> None:
            if kept:
                thread.run = run  # type: ignore[method-assign]
            else:
                own.pop("run", None)

        thread.run = carried  # type: ignore[method-assign]  # given back
        try:
            original(thread)
        except BaseException:
            give_back()
            raise

    return start


_SUBMIT = Replacement(ThreadPoolExecutor, "submit", _submitting)
_START = Replacement(threading.Thread, "start", _starting)
