"""Within ``quiet`` no warning is an error; outside, and in other threads, each is what it was."""

from __future__ import annotations

import asyncio
import threading
import warnings

import pytest

from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.quiet import quiet

KINDS = (UserWarning, DeprecationWarning, ResourceWarning, SyntaxWarning)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_warnings_inside_are_ignored(kind: type[Warning]) -> None:
    """Whatever their kind, and whichever filter was put in front meanwhile."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            warnings.warn("ours", kind, stacklevel=1)
        with pytest.raises(kind, match="theirs"):
            warnings.warn("theirs", kind, stacklevel=1)
        warnings.simplefilter("error")
        with quiet():
            warnings.warn("ours", kind, stacklevel=1)


def test_another_threads_warnings_stay_errors() -> None:
    """While ours are ignored."""
    raised: list[Warning] = []

    def warn() -> None:
        try:
            warnings.warn("theirs", stacklevel=1)
        except UserWarning as error:
            raised.append(error)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            thread = threading.Thread(target=warn)
            thread.start()
            thread.join()
    assert len(raised) == 1


def test_a_call_that_waits_finds_its_filter_again() -> None:
    """Filters that a pipeline puts in place meanwhile are the process's."""

    async def call() -> str:
        waiting.set()
        while not changed.is_set():
            await asyncio.sleep(0)
        warnings.warn("ours", stacklevel=1)
        return "answer"

    waiting, changed = threading.Event(), threading.Event()
    future = submit(call())
    waiting.wait()
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.simplefilter("error")
        changed.set()
        assert future.result(timeout=60) == "answer"


def test_filters_do_not_pile_up() -> None:
    """However often others come first."""
    with warnings.catch_warnings():
        for _ in range(3):
            warnings.filterwarnings("error", message="one")
            with quiet():
                pass
        before = len(warnings.filters)
        warnings.filterwarnings("error", message="two")
        with quiet():
            pass
        assert len(warnings.filters) == before + 1
