"""The local model's server is started once, by a process that lives, and only it is stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conformance.processes import OTHER, OWN, ended

from pytest_lmopt.errors import ModelError
from pytest_lmopt.lm.local import model
from pytest_lmopt.lm.local.model import stop_servers
from pytest_lmopt.lm.local.server import limit_spinning, threads
from pytest_lmopt.lm.processes import token_of


def test_a_process_that_ended_before_its_server_answered_leaves_the_start_to_the_next(
    tmp_path: Path,
) -> None:
    """The next one to look claims it."""
    note, claim = tmp_path / "server-a.json", tmp_path / "server-a.claim"
    claim.write_text(ended())
    assert not model._claimed(claim)
    assert model._await_note(note, claim) is None
    assert model._claimed(claim)
    assert claim.read_text() == OWN
    assert not model._claimed(claim)


def test_the_server_of_a_process_that_lives_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a minute at most; a note that can't be read yet is none."""
    note, claim = tmp_path / "server-a.json", tmp_path / "server-a.claim"
    monkeypatch.setattr(model, "START_SECONDS", 0.0)
    claim.write_text(OTHER)
    for content in (b"", b"\xff", b"[" * 5000, b"[]", b'{"url": 1}'):
        note.write_bytes(content)
        with pytest.raises(ModelError, match="did not start within"):
            model._await_note(note, claim)
    note.write_text(json.dumps({"url": "http://x", "pid": 1, "process": OTHER}))
    assert model._await_note(note, claim) == "http://x"


@pytest.mark.parametrize("is_server", [True, False])
def test_only_the_server_itself_is_stopped(tmp_path: Path, *, is_server: bool) -> None:
    """Where it has ended, its number may be another process's by now."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    token = token_of(process.pid)
    if not is_server:
        number, start, place = token.split(".")
        token = f"{number}.{int(start) - 1}.{place}"
    note = tmp_path / "server-a.json"
    note.write_text(json.dumps({"url": "http://x", "pid": process.pid, "process": token}))
    stop_servers(tmp_path)
    assert not note.exists()
    if not is_server:
        assert process.poll() is None
        process.communicate(b"\n")
    assert (process.wait(10) != 0) == is_server


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"GOMP_SPINCOUNT": "300"}),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ],
)
def test_a_thread_that_waits_sleeps_soon_unless_the_user_sets_how_it_waits(
    given: dict[str, str], expected: dict[str, str]
) -> None:
    """So the model's threads leave the cores to each other where anything else computes."""
    environment = dict(given)
    limit_spinning(environment)
    assert environment == expected


def test_the_server_takes_a_thread_for_each_core_that_it_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A container's or a ``taskset``'s cores count, not the machine's; elsewhere it takes two."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1, 4, 5}, raising=False)
    assert threads() == 3
    monkeypatch.delattr("os.sched_getaffinity")
    assert threads() == 2
