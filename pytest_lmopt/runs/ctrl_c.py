"""Ctrl-C, counted while suites run: the first ends a suite in order, the second at once.

Code that swallows even ``KeyboardInterrupt``, or threads that the interpreter waits for, hold up
the end of the process for a second.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 2
"""pytest's exit status of a run that was interrupted."""
AT_ONCE_SECONDS = 1.0
"""How long the process may hang after the second Ctrl-C."""
SWALLOWED = (
    "the process was ended at the second Ctrl-C, because the pipeline or the metric swallows "
    "KeyboardInterrupt; there is no report"
)


def _nothing() -> bool:
    return False


class CtrlC:
    """Counts Ctrl-C from a suite's begin to the session's end.

    ``end_process`` is given an exit status, ``tell`` the reason, where nothing else helps.
    """

    def __init__(self, end_process: Callable[[int], object] = os._exit) -> None:
        self.count = 0
        self.tell: Callable[[str], object] = lambda _: None
        self._end_process = end_process
        self._cancel: Callable[[], object] = _nothing
        self._leave: Callable[[], bool] = _nothing
        self._left = threading.Event()

    @property
    def at_once(self) -> bool:
        """Whether nothing is to be waited for any more."""
        return self.count > 1

    @contextmanager
    def watching(
        self, *, cancel: Callable[[], object], leave: Callable[[], bool]
    ) -> Iterator[None]:
        """Let the first Ctrl-C inside ``cancel``, and the second ``leave``.

        The second also raises ``KeyboardInterrupt``, unless ``leave`` returns True. All of it only
        in the main thread, and in place of Python's own handler: another one is there on purpose.
        """
        self.count = 0
        self._cancel, self._leave, self._left = cancel, leave, threading.Event()
        self._install()
        try:
            yield
        finally:
            self._left.set()
            self._cancel = self._leave = _nothing
            # after a Ctrl-C the next is the second, though the suite has ended
            if not self.count and signal.getsignal(signal.SIGINT) == self._on_signal:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def take_over(self, *, leave: Callable[[], bool]) -> None:
        """Count a Ctrl-C that arrived outside of a suite: the next is the second."""
        self.count, self._leave = max(self.count, 1), leave
        self._left.set()
        self._install()

    def _install(self) -> None:
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: types.FrameType | None) -> None:
        self.count += 1
        if self.count == 1:
            self._cancel()
            return
        if self.count == 2:
            self._set_deadlines()
        if not self._leave():
            raise KeyboardInterrupt

    def _set_deadlines(self) -> None:
        """End the process a second from now if the loop is not left, or later if it can't exit."""
        left, exiting = self._left, threading.Event()

        def leave() -> None:
            if not left.wait(AT_ONCE_SECONDS):
                self.tell(SWALLOWED)
                self._end_process(INTERRUPTED)

        def exit_() -> None:
            exiting.wait()
            time.sleep(AT_ONCE_SECONDS)
            self._end_process(INTERRUPTED)

        def begin_to_exit() -> None:
            if self.at_once:
                exiting.set()

        for work in (leave, exit_):
            threading.Thread(target=work, name="lmopt-ctrl-c", daemon=True).start()
        # called before the interpreter waits for pools' threads, which atexit's functions are not
        register = getattr(threading, "_register_atexit", atexit.register)
        try:
            register(begin_to_exit)
        except RuntimeError:  # it is exiting already
            exiting.set()


ctrl_c = CtrlC()
"""The process's own."""
