"""Other plugins' options and ours in one run: each does its own work and leaves ours alone."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project, untimed

from pytest_lmopt.errors import TransientError
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.sqlite_file import damage

SNAPSHOTS = """\
from inline_snapshot import snapshot as inline

def test_syrupy(snapshot):
    assert {"a": 1} == snapshot

def test_inline():
    assert 1 + 1 == inline(2)
"""

HEAD = """\
import pytest
from pytest_lmopt import metrics
from pipeline import one_step

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}", "split": "dev"}
         for i in range(20)]
"""
HANGING = (
    HEAD
    + """
import signal, threading

OTHERS, SENT = threading.Semaphore(0), threading.Event()

def hang():
    for _ in range(19):
        OTHERS.acquire()
    TIME_OUT
    SENT.set()
    threading.Event().wait()

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
def test_shout(lm_example):
    if lm_example.id == "w7":
        HANGS
    loud = one_step(lm_example.inputs["word"])
    OTHERS.release()
    if lm_example.id == "w8":
        SENT.wait()  # its end wakes the loop: a signal just before the loop waits does not
    return loud
"""
)
TIME_OUT = {
    "signal": "signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)",
    "thread": "[t.function(*t.args) for t in threading.enumerate() if type(t) is threading.Timer]",
}
"""What happens once pytest-timeout's time is over: done when all others have been answered."""

THREADS_AND_TASKS = """\
from pathlib import Path
from pytest_lmopt import Prompt

shout = Prompt.load(Path(__file__).parent / "shout.yaml")

def on_a_thread(word):
    loud = shout(word=word)
    return loud.text

async def in_a_task(word):
    loud = await shout.acall(word=word)
    return loud.text
"""
COVERED = (
    HEAD.replace("one_step", "in_a_task, on_a_thread")
    + """
@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
class TestWords:
    def test_thread(self, lm_example):
        return on_a_thread(lm_example.inputs["word"])

    async def test_task(self, lm_example):
        return await in_a_task(lm_example.inputs["word"])
"""
)


def reports_of(project: Project) -> dict[str, dict[str, Any]]:
    """The suites' reports in ``r.json`` by name, without time and cost."""
    suites = untimed(json.loads((project.path / "r.json").read_text())["suites"])
    for suite in suites:
        del suite["usage"]
    return {suite["suite"]: suite for suite in suites}


def rows_of(result: pytest.RunResult, suite: str) -> int:
    """How many lines of our table are about a suite."""
    return sum(line.startswith(f"{suite} ") for line in result.outlines)


def test_snapshot_plugins_accept_only_their_own(project: Project, model: FunctionModel) -> None:
    """``--snapshot-update`` is syrupy's, ``--inline-snapshot`` inline-snapshot's."""
    project.suite()
    project.write("test_others.py", SNAPSHOTS)
    both = ("-p", "syrupy", "-p", "inline_snapshot")
    project.run(*both, "--lm-snapshot-update", "--snapshot-update")
    assert (project.path / "__lm_snapshots__/test_words/test_shout.yaml").exists()
    theirs = project.path / "__snapshots__"
    assert [path.name for path in theirs.iterdir()] == ["test_others.ambr"]
    before = project.files(["__lm_snapshots__", "__snapshots__"])
    fixed = project.run(*both, "--snapshot-update", "--inline-snapshot=fix")
    fixed.assert_outcomes(passed=3)
    project.run(*both).assert_outcomes(passed=3)
    assert project.files(["__lm_snapshots__", "__snapshots__"]) == before


def test_rerunfailures_runs_a_failing_suite_again_from_its_recordings(
    project: Project, model: FunctionModel
) -> None:
    """It stays red, has one line in our table, touches no baseline, and is paid for once."""
    project.suite()
    project.run("--lm-snapshot-update")
    before, asked = project.files(), model.calls
    project.write("shout.yaml", "instruction: SHOUT it.\ninputs: [word]\noutput: loud\n")
    project.suite("threshold=0.99")
    result = project.run("-p", "pytest_rerunfailures", "--reruns=2", "--lm-report=json:r.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"failed": 1, "rerun": 2}
    assert rows_of(result, "test_words.py::test_shout") == 1
    assert model.calls == asked + reports_of(project)["test_words.py::test_shout"]["n"]
    assert project.files() == before


def test_rerunfailures_turns_a_suite_green_once_the_provider_answers(
    project: Project, model: FunctionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run asks only for what the first one lacked."""
    monkeypatch.setattr("pytest_lmopt.lm.faults.retries.ATTEMPTS", 1)
    model.fault = lambda number, request: (
        TransientError("fault", request=request) if number == 1 else None
    )
    project.suite("max_missing=0.0")
    result = project.run("-p", "pytest_rerunfailures", "--reruns=2", "--lm-report=json:r.json")
    assert result.parseoutcomes() == {"passed": 1, "rerun": 1}
    assert rows_of(result, "test_words.py::test_shout") == 1
    assert model.calls == 1 + reports_of(project)["test_words.py::test_shout"]["n"]


def test_randomly_changes_the_order_but_no_score_verdict_or_winner(
    project: Project, model: FunctionModel
) -> None:
    """Our randomness is ``--lm-seed``'s, not the global one that is seeded before each test."""
    project.suite("budget=Budget(calls=300)")
    project.second_suite("budget=Budget(calls=300)", words="other")
    project.write("test_more.py", "".join(f"def test_{n}(): pass\n" for n in range(6)))
    found, orders = [], []
    for shuffled in ((), *(("-p", "randomly", f"--randomly-seed={seed}") for seed in (1, 2))):
        result = project.run("--lm-optimize", "--lm-report=json:r.json", "-v", *shuffled)
        result.assert_outcomes(passed=8)
        orders.append([line.split()[0] for line in result.outlines if "PASSED" in line])
        found.append((reports_of(project), model.calls))
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert found[0] == found[1] == found[2]
    assert found[0][0]["test_words.py::test_other"]["search"]["winner"]


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_timeout_ends_a_suite_that_hangs(method: str, project: Project) -> None:
    """The run is red, no file is damaged, and the next run asks only for the rest."""
    project.answer_apart()
    hanging = HANGING.replace("TIME_OUT", TIME_OUT[method])
    project.write("test_words.py", hanging.replace("HANGS", "hang()"))
    limits = "--timeout=100", f"--timeout-method={method}"
    result = project.run_apart(*limits, "--lm-snapshot-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert project.files() == {}
    state = project.path / ".lmopt"
    assert damage(state / "ledger.sqlite") == damage(state / "recordings.sqlite") == ""
    if method == "signal":  # the other one ends the whole process on the spot
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["error: Timeout (>100.0s) from pytest-timeout."])
        assert rows_of(result, "test_words.py::test_shout") == 1
        (account,) = SqliteBook(state / "ledger.sqlite").entries(1)
        assert not account.is_open
    project.write("test_words.py", hanging.replace("HANGS", "SENT.set()"))
    project.run(*limits).assert_outcomes(passed=1)
    requests = (project.path / "asked.jsonl").read_text().splitlines()
    asked = Counter(json.loads(request)[1][-1][1] for request in requests)
    assert [asked[f"word{i}"] for i in range(20)] == [1] * 20


@pytest.mark.parametrize(
    "options",
    [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)],
    ids=["alone", "workers"],
)
def test_cov_sees_what_pipelines_run_on_our_threads_and_in_our_tasks(
    options: tuple[str, ...], project: Project
) -> None:
    """No line of the pipeline is missing."""
    project.answer_apart()
    project.write("pipeline.py", THREADS_AND_TASKS)
    project.write("test_words.py", COVERED)
    result = project.run_apart("--cov=pipeline", "--cov-report=json:cov.json", *options)
    result.assert_outcomes(passed=2)
    (file,) = json.loads((project.path / "cov.json").read_text())["files"].values()
    assert file["summary"]["num_statements"] == file["summary"]["covered_lines"] == 9


def test_split_groups_keep_to_their_own_snapshots(project: Project, model: FunctionModel) -> None:
    """Those of the other group are no orphans; accepting in one group touches no other's."""
    project.suite()
    project.second_suite(words="other")
    project.run("--lm-snapshot-update").assert_outcomes(passed=2)
    project.write("shout.yaml", "instruction: SHOUT it.\ninputs: [word]\noutput: loud\n")
    for group, suite in (("1", "test_shout"), ("2", "test_other")):
        before = project.files()
        options = "--splits=2", f"--group={group}"
        project.run(*options).stdout.no_fnmatch_line("*orphaned*")
        assert project.files() == before
        result = project.run(*options, "--lm-snapshot-update")
        result.assert_outcomes(passed=1, deselected=1)
        result.stdout.no_fnmatch_line("removed: *")
        changed = {name for name, data in project.files().items() if data != before.get(name)}
        assert changed == {f"__lm_snapshots__/test_words/{suite}.yaml"}
        assert project.files().keys() == before.keys()


def test_forked_runs_each_suite_in_a_process_of_its_own(
    project: Project,
) -> None:
    """Its report comes back, its answers are recorded, its accounts are closed."""
    project.answer_apart()
    project.suite()
    project.second_suite(words="other")
    project.write("test_more.py", "def test_ordinary(): pass\n")
    project.run("--lm-snapshot-update", "--lm-cache=off").assert_outcomes(passed=3)
    before, asked = project.files(), project.asked_apart
    for workers in ("0", "2"):
        result = project.run_apart("--forked", "--lm-snapshot-update", "-n", workers)
        assert project.files() == before
        if result.parseoutcomes() == {"failed": 3}:
            pytest.xfail("it can't send the report of any test: of pytest 9.2, for one")
        result.assert_outcomes(passed=3)
        assert project.asked_apart == 2 * asked
    book = SqliteBook(project.path / ".lmopt/ledger.sqlite")
    assert not any(account.is_open for account in book.entries(9))


def test_all_works_without_xdist(project: Project, model: FunctionModel) -> None:
    """``-p no:xdist``: search, acceptance and gate."""
    project.suite("budget=Budget(calls=500)", examples=120)
    project.run("--lm-optimize")
    result = project.run("-p", "no:xdist", "--lm-optimize", "--lm-snapshot-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*: improved", "written: shout.yaml"])
    project.run("-p", "no:xdist").stdout.fnmatch_lines(["*+0.000*holds*100 %*"])
