"""The loop a suite runs on ends with whatever is raised in the main thread."""

from __future__ import annotations

import asyncio

import pytest

from pytest_lmopt.runs.suite_loop import run_on_loop


class TimeIsOverError(BaseException):
    """Stands for pytest's outcomes, which are no ``Exception``."""


def test_what_a_signal_raises_inside_a_callback_ends_the_work() -> None:
    """asyncio itself would only log it, and the work would go on for ever."""

    def interrupted() -> None:
        raise TimeIsOverError

    async def work() -> None:
        asyncio.get_running_loop().call_soon(interrupted)
        await asyncio.Event().wait()

    with pytest.raises(TimeIsOverError):
        run_on_loop(work())


def test_an_exception_in_a_callback_is_logged_and_the_work_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As on any loop."""

    async def work() -> str:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        return "done"

    assert run_on_loop(work()) == "done"
    assert "ZeroDivisionError" in caplog.text
