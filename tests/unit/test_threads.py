"""Threads that pipelines run on: reused, left behind where they hang, gone at the end."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_lmopt.runs.threads import Threads, end_left_behind


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


def test_a_thread_that_imports_ends_after_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter's end waits for the import, then for nothing that the pipeline does."""
    begun, free, unreached = threading.Event(), threading.Event(), threading.Event()
    meeting = SimpleNamespace(begun=begun, free=free)
    monkeypatch.setitem(sys.modules, "lmopt_meeting", meeting)
    (tmp_path / "lmopt_slow.py").write_text(
        "from lmopt_meeting import begun, free\nbegun.set()\nfree.wait(60)\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def pipeline() -> None:
        importlib.import_module("lmopt_slow")
        while True:
            unreached.wait(0.001)

    threads = Threads(name="t")
    left = threads.run(pipeline)
    begun.wait(60)
    thread = next(each for each in threading.enumerate() if each.name == "t")
    ending = threading.Thread(target=end_left_behind, args=([thread],))
    ending.start()
    free.set()
    ending.join(60)
    threads.close()

    with pytest.raises(SystemExit):
        left.result(60)
    assert "lmopt_slow" in sys.modules


def test_the_end_waits_only_so_long_for_an_import() -> None:
    """An import may hang, too."""
    begun, free = threading.Event(), threading.Event()

    def import_() -> None:
        code = compile("begun.set(); free.wait(60)", "<frozen importlib._bootstrap>", "exec")
        exec(code, {"begun": begun, "free": free})

    threads = Threads(name="t")
    left = threads.run(import_)
    begun.wait(60)
    end_left_behind([each for each in threading.enumerate() if each.name == "t"], wait=0.0)

    assert not left.done()
    free.set()
    left.result(60)
    threads.close()
