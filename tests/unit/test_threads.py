"""Threads that pipelines run on: reused, left behind where they hang, gone at the end."""

from __future__ import annotations

import builtins
import gc
import threading
import weakref
from concurrent.futures import Future

import pytest

from pytest_lmopt.runs.threads import Threads, await_imports


def test_work_is_done_and_its_outcome_told() -> None:
    """What it returns, or what it raises, whatever that is."""
    threads = Threads(name="t")

    assert threads.run(lambda: 7).result(60) == 7
    for kind in (KeyError, SystemExit):
        future = threads.run(lambda kind=kind: (_ for _ in ()).throw(kind("x")))  # type: ignore[misc]
        with pytest.raises(kind):
            future.result(60)
    threads.close()


def test_an_idle_thread_is_used_again() -> None:
    """Also by whoever learns of an outcome and asks for more at once."""
    threads = Threads(name="t")
    seen: list[int] = []

    def work() -> None:
        seen.append(threading.get_ident())

    for _ in range(50):
        threads.run(work).result(60)
    threads.close()

    assert len(set(seen)) == 1


def test_a_thread_that_hangs_is_replaced_and_used_again_once_it_is_free() -> None:
    """Nobody waits for it."""
    threads, free = Threads(name="t"), threading.Event()
    hanging = threads.run(lambda: free.wait(60) and threading.get_ident())
    other = threads.run(threading.get_ident).result(60)
    free.set()
    first = hanging.result(60)

    both = {threads.run(threading.get_ident).result(60) for _ in range(9)}
    threads.close()

    assert first != other
    assert both <= {first, other}


def test_no_thread_is_left_after_the_end() -> None:
    """Idle ones end at once, busy ones when they are done; none would keep the process alive."""
    threads, free = Threads(name="lmopt-ending"), threading.Event()
    threads.run(lambda: None).result(60)
    busy = threads.run(lambda: free.wait(60))
    threads.close()
    free.set()
    busy.result(60)

    ending = [each for each in threading.enumerate() if each.name == "lmopt-ending"]
    for thread in ending:
        thread.join(60)
    assert not any(thread.is_alive() for thread in ending)


def test_an_idle_thread_holds_on_to_nothing() -> None:
    """A prediction may be large."""

    class Prediction:
        pass

    threads = Threads(name="t")
    predicted = threads.run(Prediction).result(60)
    seen = weakref.ref(predicted)
    del predicted
    threads.run(lambda: None).result(60)
    gc.collect()
    threads.close()

    assert seen() is None


def test_a_thread_that_ctrl_c_kept_from_starting_does_not_hinder_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal may come between a thread's making and its start."""

    def interrupted(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    threads = Threads(name="t")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            threads.run(lambda: None)

    threads.close(wait=60)


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own way to import, put back afterwards."""
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)


@pytest.mark.usefixtures("imports")
def test_the_end_waits_for_an_import() -> None:
    """What the imported module imports is imported, too."""
    begun, free = threading.Event(), threading.Event()
    left, thread = importing(begun, free)
    ending = threading.Thread(target=await_imports, args=([thread],))
    ending.start()
    ending.join(0.02)

    assert ending.is_alive()
    free.set()
    ending.join(60)
    left.result(60)


@pytest.mark.usefixtures("imports")
def test_the_end_waits_only_so_long_for_an_import() -> None:
    """An import may hang, too."""
    begun, free = threading.Event(), threading.Event()
    left, thread = importing(begun, free)
    await_imports([thread], wait=0.0)

    assert not left.done()
    free.set()
    left.result(60)


@pytest.mark.usefixtures("imports")
def test_no_thread_begins_an_import_at_the_end() -> None:
    """The interpreter freezes it; other threads go on importing."""
    begun, free, imported = (threading.Event() for _ in range(3))

    def pipeline() -> None:
        begun.set()
        free.wait(60)
        import json

        del json
        imported.set()

    threads = Threads(name="t-late")
    threads.run(pipeline)
    begun.wait(60)
    await_imports([each for each in threading.enumerate() if each.name == "t-late"])
    free.set()
    import json

    assert json
    assert not imported.wait(0.02)


def importing(
    begun: threading.Event, free: threading.Event
) -> tuple[Future[None], threading.Thread]:
    """Begin what looks like an import on a thread, until it is ``free``."""
    code = compile(
        "begun.set(); free.wait(60); import json", "<frozen importlib._bootstrap>", "exec"
    )
    threads = Threads(name="t-importing")
    left = threads.run(lambda: exec(code, {"begun": begun, "free": free}))
    begun.wait(60)
    threads.close()
    running = [each for each in threading.enumerate() if each.name == "t-importing"]
    return left, running[-1]
