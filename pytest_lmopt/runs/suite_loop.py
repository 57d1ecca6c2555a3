"""The event loop a suite runs on, and what Ctrl-C does to it.

The first Ctrl-C cancels the suite, which ends in order. The second leaves the loop at once: tasks
that swallow their cancellation, and threads, are left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from pytest_lmopt.lm.loop import open_loop
from pytest_lmopt.runs.ctrl_c import ctrl_c

T = TypeVar("T")

LEFT_BEHIND_SECONDS = 2.0
"""How long the end of a suite waits for tasks and threads that are still busy."""

_left_behind: set[asyncio.Task[Any]] = set()
"""Tasks that did not end: were they collected, each would be asked once more, and protest."""


def run_on_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own.

    Raises ``KeyboardInterrupt`` after a Ctrl-C, ``EventLoopError`` where no loop can be opened.
    What a signal's handler raises inside of a callback, as pytest-timeout's may, ends the work: the
    loop by itself would only log it.
    """
    try:
        loop = open_loop()
    except BaseException:
        work.close()
        raise
    pool = ThreadPoolExecutor(thread_name_prefix="asyncio")
    loop.set_default_executor(pool)
    asyncio.set_event_loop(loop)
    main = loop.create_task(work)
    raised: list[BaseException] = []

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" not in context or error is None or isinstance(error, Exception):
            return loop.default_exception_handler(context)
        raised.append(error)
        loop.stop()

    loop.set_exception_handler(note)

    def cancel() -> None:
        main.cancel()
        loop.call_soon_threadsafe(lambda: None)  # the loop may be waiting for an event

    def leave() -> bool:
        with suppress(RuntimeError):  # it is closed
            loop.call_soon_threadsafe(loop.stop)
        return False

    with ctrl_c.watching(cancel=cancel, leave=leave):
        try:
            result = loop.run_until_complete(main)
        except BaseException:
            if ctrl_c.count:
                raise KeyboardInterrupt from None
            if raised:
                raise raised[0] from None
            raise
        finally:
            _end(loop, pool)
    if ctrl_c.count:
        raise KeyboardInterrupt
    return result


def _end(loop: asyncio.AbstractEventLoop, pool: ThreadPoolExecutor) -> None:
    """End what still runs on a loop, as far as it lets itself be ended in time, and close it."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    try:
        if not ctrl_c.at_once:
            generators = loop.create_task(loop.shutdown_asyncgens())
            loop.run_until_complete(asyncio.wait({*left, generators}, timeout=LEFT_BEHIND_SECONDS))
            ending = Thread(target=pool.shutdown, name="lmopt-ending", daemon=True)
            ending.start()
            ending.join(LEFT_BEHIND_SECONDS)
    except (KeyboardInterrupt, RuntimeError):
        if not ctrl_c.at_once:
            raise
    finally:
        _left_behind.update(task for task in left if not task.done())
        for task in left - _left_behind:
            if not task.cancelled():
                task.exception()  # or asyncio would complain that nothing asked for it
        pool.shutdown(wait=False, cancel_futures=True)
        asyncio.set_event_loop(None)
        loop.close()
