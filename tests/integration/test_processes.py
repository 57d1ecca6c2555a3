"""A holder is known by a token that doesn't repeat, wherever its number is used again."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from doubles.containers import SPACE, namespaces
from doubles.package_sources import modules_with

import pytest_lmopt
from pytest_lmopt.lm import processes
from pytest_lmopt.lm.processes import alive, own_token, token_of

ROOT = Path(pytest_lmopt.__file__).parent
SHOW = "from pytest_lmopt.lm.processes import own_token; print(own_token(), flush=True); input()"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def started(*before: str) -> tuple[subprocess.Popen[str], str]:
    """A process that waits, and its token."""
    process = subprocess.Popen(
        [*before, sys.executable, "-c", SHOW],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT.parent)},
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_process_lives_until_it_ends() -> None:
    """Seen from another one, and from itself."""
    process, token = started()
    assert alive(token)
    assert alive(own_token())
    process.communicate("\n")
    assert alive(token) is False


def test_a_child_that_was_forked_has_a_token_of_its_own() -> None:
    """It holds nothing that its parent holds."""
    inherited = own_token()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, own_token().encode())
        os._exit(0)
    os.waitpid(child, 0)
    token = os.read(read, 200).decode()
    os.close(read)
    os.close(write)
    assert token != inherited == own_token()
    assert alive(token) is False


@linux
def test_another_process_with_the_same_number_is_another() -> None:
    """Whether the number is that of a stranger or one's own."""
    number, start, place, nonce = own_token().split(".")
    earlier = str(int(start) - 1)
    assert alive(f"{number}.{earlier}.{place}.{nonce}") is False
    assert alive(f"{number}.{start}.{place}.{secrets.token_hex(4)}") is False
    assert alive(token_of(os.getppid()))
    stranger = token_of(os.getppid()).replace(".", ".9", 1)
    assert alive(stranger) is False


@linux
def test_a_holder_of_an_earlier_boot_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Number and start may be the same by chance."""
    number, start, place, nonce = own_token().split(".")
    monkeypatch.setattr(processes, "place", lambda: "f" * 16)
    assert place[:8] != "f" * 8
    assert alive(f"{number}.{start}.{place}.{nonce}") is False


@pytest.mark.parametrize("token", ["", "1", "12345", "0", "-1", "x", "1.2", "\x00", "9" * 400])
def test_what_names_no_process_has_ended(token: str) -> None:
    """As the plain numbers of earlier versions, which may be another process's by now."""
    assert alive(token) is False


@linux
def test_a_number_that_no_process_can_have_has_ended() -> None:
    """Rather than being an error of the system's."""
    assert alive(f"{'9' * 20}.1.{processes.place()}") is False


@linux
def test_without_proc_a_living_process_can_not_be_told_from_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only that there is none with this number is certain."""
    process, token = started()
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    assert alive(token) is None
    process.communicate("\n")
    assert alive(token) is False


@linux
def test_without_any_place_only_oneself_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where ``/proc`` shows another namespace."""
    other = token_of(os.getppid())
    monkeypatch.setattr(processes, "place", lambda: "?")
    # this process keeps its own token: other tests hold it
    monkeypatch.setattr(processes, "_own_token", lru_cache(processes._own_token.__wrapped__))
    assert alive(own_token())
    assert alive(other) is None


@pytest.mark.parametrize("listed", ["Ss Mon Nov 30 14:25:35 2026", "S+   Tue Dec  1 01:02:03 2026"])
def test_where_there_is_no_proc_ps_says_when_a_process_began(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listed: str
) -> None:
    """In universal time, so that a clock set for another zone changes nothing."""
    ps = tmp_path / "ps"
    ps.write_text(f"#!/bin/sh\necho '{listed}'\n")
    ps.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "platform", "darwin")
    processes._start_by_ps.cache_clear()
    processes.place.cache_clear()
    try:
        token = token_of(os.getppid())
        assert re.fullmatch(r"\d+\.179\d{7}\.[0-9a-f]{16}", token)
        assert alive(token)
        ps.write_text("#!/bin/sh\necho 'Ss Mon Nov 30 14:25:36 2026'\n")
        processes._start_by_ps.cache_clear()
        assert alive(token) is False
    finally:
        processes._start_by_ps.cache_clear()
        processes.place.cache_clear()


@namespaces
def test_a_process_of_another_container_can_not_be_seen() -> None:
    """Number 1 in each: neither is the other, and neither is known to have ended."""
    one, token = started(*SPACE)
    other, another = started(*SPACE)
    assert token.startswith("1.")
    assert another.startswith("1.")
    assert token != another
    assert alive(token) is alive(another) is None
    for process in (one, other):
        process.communicate("\n")


@namespaces
def test_a_number_that_the_system_gives_again_is_another_process() -> None:
    """In one namespace the second process has the first one's number."""
    program = (
        "import pathlib, subprocess, sys\n"
        "from pytest_lmopt.lm.processes import alive\n"
        "tokens = []\n"
        "for _ in range(2):\n"
        "    pathlib.Path('/proc/sys/kernel/ns_last_pid').write_text('100')\n"
        "    child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], text=True,\n"
        "                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "    tokens.append(child.stdout.readline().strip())\n"
        "    print(tokens[-1], *(alive(token) for token in tokens))\n"
        "    child.communicate('\\n')\n"
    )
    found = subprocess.run(
        [*SPACE, sys.executable, "-c", program, SHOW],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT.parent)},
    ).stdout.split()
    assert found[0].startswith("101.")
    assert found[2].startswith("101.")
    assert (found[1], found[3:]) == ("True", ["False", "True"])


def test_only_one_module_asks_for_a_process_by_its_number() -> None:
    """Every other one has tokens: the module of the server may note its number for a signal."""
    asking = {
        (path.relative_to(ROOT).as_posix(), found)
        for path in ROOT.rglob("*.py")
        for found in re.findall(
            r"os\.getpid|os\.kill\(|\bpid INTEGER|\bpid: int|psutil", path.read_text("utf-8")
        )
        if path.name != "processes.py"
    }
    assert asking == {("lm/local/model.py", "os.kill("), ("lm/local/server.py", "os.getpid")}


def test_all_that_holds_something_is_known_by_its_token() -> None:
    """Accounts, claims, turns, session folders, the server and who starts it, loops and clients."""
    users = modules_with(r"\b(alive|own_token|token_of)\(")
    assert users == {
        "lm/engine/clients.py",
        "lm/processes.py",
        "lm/local/model.py",
        "lm/local/server.py",
        "lm/loop.py",
        "lm/money/book.py",
        "lm/money/ledger.py",
        "lm/recordings/store.py",
        "lm/stack.py",
        "lm/turns.py",
        "plugin/session.py",
        "stores/folder.py",
    }
