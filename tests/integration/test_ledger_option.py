"""``--lm-ledger``: what was charged to which budget."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from doubles.containers import SPACE, namespaces
from doubles.function_model import FunctionModel
from doubles.manual_clock import ManualClock
from projects.shouting import Project

from pytest_lmopt.errors import TransientError


def test_before_any_run_there_is_none(project: Project) -> None:
    """It says so, and runs nothing."""
    project.suite()
    result = project.run("--lm-ledger")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["no ledger yet: *"])


def test_it_shows_charges_by_what_became_of_them(
    project: Project, model: FunctionModel, clock: ManualClock
) -> None:
    """A call that failed stays charged, and is told apart, in every account it was charged to; no
    test is run for showing it."""
    model.fault = lambda number, request: (
        TransientError("fault", request=request) if number == 3 else None
    )
    project.suite("budget=Budget(calls=90)", examples=60)
    project.run("--lm-budget=calls:500")
    calls = model.calls
    result = project.run("--lm-ledger")
    for account in ("test_words.py::test_shout", "the session"):
        line = next(line for line in result.outlines if line.startswith(account))
        charged, settled, lost, in_flight = map(int, line.split("closed")[1].split()[:4])
        assert (charged, lost, in_flight) == (calls, 1, 0)
        assert settled == calls - 1
    assert model.calls == calls


KILLED = """
import os, signal

MODEL.fault = lambda number, _: os.kill(os.getpid(), signal.SIGKILL) if number == 120 else None
"""


def test_a_killed_session_leaves_its_account_open_to_be_continued(
    project: Project,
) -> None:
    """Killed with SIGKILL in mid-search; the next run goes on with what is left of the budget."""
    project.suite("budget=Budget(calls=400)", examples=120)
    project.answer_apart(after=KILLED)
    assert project.run_apart("--lm-optimize").ret == -signal.SIGKILL
    project.answer_apart()
    left = project.run("--lm-ledger").stdout.str()
    assert " open " in left
    result = project.run("--lm-optimize")
    result.stdout.fnmatch_lines(["*continued a search that was killed*", "*: improved"])
    assert project.asked_apart <= 400
    told = project.run("--lm-ledger").stdout.str()
    assert told.count("test_words.py::test_shout") == 1
    assert " open " not in told


NUMBERED = """
import os

open("pids", "a").write(f"{os.getpid()} ")
"""
HANGING = """
import asyncio

async def never(chat):
    await asyncio.Event().wait()

def fault(number, request):
    if number == 30:  # and no later one is answered
        MODEL.answer = never
    if number == 40:
        os.write(int(os.environ["HANGING"]), b"!")

MODEL.fault = fault
"""


@namespaces
def test_a_killed_run_in_a_container_leaves_its_successor_the_rest_of_its_budget(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There pytest is process 1 each time. The model never sees more calls than the budget has,
    and what the killed run was asking is asked again at once.
    """
    project.suite("budget=Budget(calls=60)", examples=200)
    project.answer_apart(after=NUMBERED + HANGING)
    command = [*SPACE, sys.executable, "-m", "pytest", "--lm-optimize"]
    hangs, hanging = os.pipe()
    monkeypatch.setenv("HANGING", str(hanging))
    with subprocess.Popen(
        command, cwd=project.path, stdout=subprocess.DEVNULL, pass_fds=[hanging]
    ) as killed:
        os.close(hanging)
        assert os.read(hangs, 1)
        killed.kill()
    os.close(hangs)
    assert killed.returncode == -signal.SIGKILL
    assert 30 <= project.asked_apart < 60
    project.answer_apart(after=NUMBERED)
    begun = time.monotonic()
    result = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert time.monotonic() - begun < 60
    assert (project.path / "pids").read_text() == "1 1 "
    assert project.asked_apart <= 60
    assert result.returncode == 1
    assert "the budget of test_words.py::test_shout (60 calls) is used up" in result.stdout
    ledger = project.run("--lm-ledger").stdout.str()
    assert ledger.count("test_words.py::test_shout") == 1


def test_resuming_can_be_declined(project: Project) -> None:
    """``--lm-resume=no`` opens a new account, with the whole budget."""
    project.suite("budget=Budget(calls=400)", examples=120)
    project.answer_apart()
    project.write(
        "pipeline.py",
        (project.path / "pipeline.py").read_text().replace("def one_step(word):\n", DIE_ONCE),
    )
    assert project.run_apart("--lm-optimize").ret == -signal.SIGKILL
    result = project.run("--lm-optimize", "--lm-resume=no")
    assert "continued a search" not in result.stdout.str()
    assert project.run("--lm-ledger").stdout.str().count("test_words.py::test_shout") == 2


DIE_ONCE = """\
def one_step(word):
    import os, signal
    if word == "word7" and not (HERE / "died").exists():
        (HERE / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_shows_when_an_account_was_charged(project: Project, model: FunctionModel) -> None:
    """First and last, in local time; one that a later session continued says since when."""
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime())
    project.suite("budget=Budget(calls=90)", examples=10)
    project.run()
    ended = time.strftime("%Y-%m-%d %H:%M", time.localtime())
    line = project.run("--lm-ledger").outlines[-1]
    first, last = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", line)
    assert begun <= first <= last <= ended

    with sqlite3.connect(project.path / ".lmopt/ledger.sqlite") as book:
        book.execute("UPDATE accounts SET earlier_calls = 3")
    assert f" continued {first} " in project.run("--lm-ledger").outlines[-1]


def test_a_damaged_ledger_is_named_and_what_is_lost_with_it(
    project: Project, model: FunctionModel
) -> None:
    """It is set aside; whoever relies on what was charged before must know that it is forgotten."""
    project.suite("budget=Budget(calls=90)", examples=10)
    project.run()
    ledger = project.path / ".lmopt/ledger.sqlite"
    ledger.write_bytes(b"no database at all")
    result = project.run()
    result.assert_outcomes(passed=1)
    told = "note: ledger.sqlite was damaged and is set aside as ledger.sqlite.damaged-*: what was *"
    result.stdout.fnmatch_lines([f"{told}charged before is forgotten, so budgets start afresh*"])
    assert ledger.with_name("ledger.sqlite.damaged-1").read_bytes() == b"no database at all"
    assert "note: " not in project.run().stdout.str()

    ledger.write_bytes(b"no database again")
    project.run("--lm-ledger").stdout.fnmatch_lines([told])


def test_a_ledger_that_can_not_be_read_is_named(project: Project) -> None:
    """In a line, and left alone."""
    ledger = project.path / ".lmopt/ledger.sqlite"
    ledger.parent.mkdir()
    with closing(sqlite3.connect(ledger)) as book, book:
        book.execute("CREATE TABLE accounts (id INTEGER)")
    result = project.run("--lm-ledger")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: the account book {ledger} can't be used: its table of accounts is not ours; *"]
    )


def test_it_is_spelt_in_signs_that_the_output_has(
    project: Project, model: FunctionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a suite is called, and whatever the output's encoding."""
    project.suite("budget=Budget(calls=90)", examples=20)
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("def test_shout", "def test_größe"))
    project.run()
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    result = project.run_apart("--lm-ledger")
    assert result.ret == 0
    account = next(line for line in result.outlines if line.startswith(r"test_words.py::test_gr"))
    assert account.startswith(r"test_words.py::test_gr\xf6\xdfe")
    assert account.index("90 calls") == result.outlines[0].index("budget")
