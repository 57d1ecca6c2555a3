"""A worker's part: for each suite a process of its own that has collected the same test.

A process rather than a thread: what a session imports ends with it, so the next one runs the code
as it is then, and a pipeline that ends its process does not end the worker. It ends with the
worker, as its input does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_lmopt.blocks.dask.messages import End, Reply, Spec, our_version

CHILD = "pytest_lmopt.plugin.serving"
ROOT_VARIABLE = "LMOPT_ROOT"
IDLE_SECONDS = 60.0


class LaneRefusedError(Exception):
    """A suite can't be run here; the text says why."""


class LaneLostError(Exception):
    """The process ended; the text says how."""


class Lane:
    """The process of one suite."""

    def __init__(self, spec: Spec) -> None:
        root = _checked_root(spec)
        folder = root / spec.folder
        # -P: the folder it is started in is to be importable only if it is for the leader
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder if folder.is_dir() else root,
            text=True,
            encoding="utf-8",
        )
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._waiting: dict[str, Future[str]] = {}
        self._ready: Future[None] = Future()
        self._idle: threading.Timer | None = None
        self._ended = False
        self._send({"spec": spec.to_text(), "root": str(root), "path": sys.path})
        threading.Thread(target=self._listen, name="lmopt-lane", daemon=True).start()
        self.leave("")

    def enter(self, name: str) -> bool:
        """Keep it from ending by itself before a task is settled; False if it has ended."""
        with self._lock:
            if not self._ended:
                self._waiting[name] = Future()
            return not self._ended

    def wait_until_ready(self) -> None:
        """Wait for the test to be set up; raises ``LaneRefusedError`` or ``LaneLostError``."""
        self._ready.result()

    def run(self, name: str, task: str, allowance: str | None) -> str:
        """The reply to a task that has entered, as text; raises ``LaneLostError``."""
        with self._lock:
            future = self._waiting.get(name)
        if future is None:
            raise LaneLostError("its process has ended")
        self._send({"task": task, "name": name, "allowance": allowance})
        return future.result()

    def leave(self, name: str) -> None:
        """Let it end by itself once it has had no task for a while."""
        with self._lock:
            self._waiting.pop(name, None)
            if self._idle is not None:
                self._idle.cancel()
            self._idle = threading.Timer(IDLE_SECONDS, self._end_if_idle)
            self._idle.daemon = True
            self._idle.start()

    def stop(self, name: str) -> None:
        """Have a task reply at once."""
        if name in self._waiting:
            self._send({"stop": True, "name": name})

    def end(self) -> None:
        """Tear the test down and end."""
        with self._lock:
            self._ended = True
        self._send({"end": True})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        # where it has ended, ``_listen`` tells
        with self._writing, suppress(OSError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if "ready" in message:
                self._ready.set_result(None)
            elif "problem" in message and not self._ready.done():
                self._ready.set_exception(LaneRefusedError(message["problem"]))
            elif "reply" in message:
                with self._lock:
                    future = self._waiting.get(message["name"])
                if future is not None:
                    future.set_result(message["reply"])
        status = self._process.wait()
        lost = LaneLostError(f"its process ended with status {status}")
        with self._lock:
            self._ended = True
            waiting, self._waiting = self._waiting, {}
        if not self._ready.done():
            self._ready.set_exception(lost)
        for future in waiting.values():
            if not future.done():
                future.set_exception(lost)

    def _end_if_idle(self) -> None:
        with self._lock:
            if self._waiting:
                return
            self._ended = True
        self._send({"end": True})


_lanes: dict[str, Lane] = {}
_lock = threading.Lock()


def run_block(spec: str, name: str, task: str, leased: bool) -> str:
    """The Dask task: run a block on this worker's lane of its suite; the reply as text."""
    from distributed import get_worker

    reply = _reply(Spec.from_text(spec), name, task, leased)
    return replace(reply, worker=str(get_worker().address)).to_text()


def _reply(spec: Spec, name: str, task: str, leased: bool) -> Reply:
    try:
        lane = _lane_of(spec, name)
        try:
            lane.wait_until_ready()
            allowance = _claim(name) if leased else None
            if leased and allowance is None:
                return Reply(end=End.LOST, problem="the worker that had it was lost")
            return Reply.from_text(lane.run(name, task, allowance))
        finally:
            lane.leave(name)
    except LaneRefusedError as error:
        return Reply(end=End.REFUSED, problem=str(error))
    except LaneLostError as error:
        return Reply(end=End.LOST, problem=str(error))


def start_lane(spec: str) -> None:
    """Have this worker's lane of a suite started before the first task comes."""
    _lane_of(Spec.from_text(spec), "").leave("")


def stop_block(name: str) -> None:
    """Have a task under way reply at once, if it is on this worker."""
    for lane in list(_lanes.values()):
        lane.stop(name)


def end_lanes(session: str) -> None:
    """End what runs for a session on this worker."""
    with _lock:
        for key in [key for key in _lanes if key.startswith(f"{session} ")]:
            _lanes.pop(key).end()


def _lane_of(spec: Spec, name: str) -> Lane:
    """The suite's lane, entered by a task."""
    key = f"{spec.session} {spec.suite}"
    with _lock:
        lane = _lanes.get(key)
        if lane is None or not lane.enter(name):
            lane = _lanes[key] = Lane(spec)
            lane.enter(name)
    return lane


def _claim(name: str) -> str | None:
    """The allowance, for the first that asks.

    Dask runs a task again when the worker that had it is lost: the second finds nothing.
    """
    from distributed import Queue, get_client

    queue = Queue(name, client=get_client())
    try:
        found = queue.get(batch=True)
    finally:
        queue.close()
    return str(found[0]) if found else None


def _checked_root(spec: Spec) -> Path:
    if spec.version != our_version():
        raise LaneRefusedError(
            f"pytest-lmopt is {our_version()} there, and {spec.version} here; install the same"
        )
    root = Path(os.environ.get(ROOT_VARIABLE) or spec.root)
    place = "put the project at the same path there, or name its folder in the worker's variable"
    if not root.is_dir():
        raise LaneRefusedError(f"there is no folder {root}; {place} {ROOT_VARIABLE}")
    file = root / spec.suite.partition("::")[0]
    if not file.is_file():
        raise LaneRefusedError(f"there is no file {file}; {place} {ROOT_VARIABLE}")
    return root
