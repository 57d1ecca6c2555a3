"""``--lm-record`` and ``lm_record``: the answers that a baseline rests on, as files to commit."""

from __future__ import annotations

import shutil
import sys

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.errors import RefusedError
from pytest_lmopt.testing.simulated_model import Chat, SimulatedModel

RUBRIC = """\
instruction: GRADE the answer from 1 to 5.
inputs: [expected, prediction]
output: score
"""

JUDGED = 'lambda chat: "4" if "GRADE" in chat[0][1] else SimulatedModel(base=0.6).answer(chat)'
"""A model that shouts and judges."""


def _recording(project: Project) -> None:
    config = (project.path / "tox.ini").read_text()
    project.write("tox.ini", f"{config}lm_record = records\n")


def _records(project: Project) -> dict[str, bytes]:
    return project.files(["records"])


def _forget(project: Project) -> None:
    """Be as on another machine, where only committed files are."""
    shutil.rmtree(project.path / ".lmopt")


def _without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine without network, model package or provider client."""

    def refuse(*_: object) -> None:
        raise OSError("there is no network")

    for name in ("socket.socket.connect", "socket.socket.connect_ex", "socket.getaddrinfo"):
        monkeypatch.setattr(name, refuse)
    for name in ("litellm", "xllamacpp"):
        monkeypatch.setitem(sys.modules, name, None)


def _with_judge(project: Project) -> None:
    """One suite, scored by a model."""
    project.answer_apart(JUDGED)
    project.write("rubric.yaml", RUBRIC)
    project.suite(examples=40)
    text = (project.path / "test_words.py").read_text()
    text = text.replace("metrics.exact_match", "metrics.Judge(RUBRIC, scale=(1, 5))")
    start = 'from pathlib import Path\nRUBRIC = Path(__file__).parent / "rubric.yaml"\n'
    project.write("test_words.py", start + text)


def test_with_the_committed_files_alone_a_replay_gates(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, no network, no model, no store of recordings; a judge's answers are there too."""
    _recording(project)
    _with_judge(project)
    project.run("--lm-snapshot-update").stdout.fnmatch_lines(
        ["written: records/test_words/test_shout.jsonl"]
    )
    _forget(project)
    # from a model that has no provider here, not even a package
    for path in (*(project.path).rglob("*.jsonl"), *(project.path).rglob("*.yaml")):
        path.write_text(path.read_text().replace("openai/simulated", "local"))
    _without_models(monkeypatch)
    (project.path / "conftest.py").unlink()
    options = ("--lm-model=local", "--lm-cache=replay")
    result = pytester.runpytest_inprocess(*options, "--lm-gate=noninferior")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_shout *0.750*+0.000*holds*100 %*"])
    project.write("shout.yaml", "instruction: SHOUT, please.\ninputs: [word]\noutput: loud\n")
    result = pytester.runpytest_inprocess(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: * requests are not recorded*of prompt shout.yaml*"])


def test_equal_runs_write_equal_files(project: Project) -> None:
    """Whoever answered, by workers or without; nothing about time or place is in them."""
    _recording(project)
    _with_judge(project)
    project.run("--lm-snapshot-update")
    first = _records(project)
    shutil.rmtree(project.path / "records")
    project.run_apart("-n", "2", "--lm-snapshot-update", "--lm-cache=off", "--lm-concurrency=3")
    assert list(first) == ["records/test_words/test_shout.jsonl"]
    assert _records(project) == first
    text = first["records/test_words/test_shout.jsonl"].decode()
    assert str(project.path) not in text
    assert text.count('"messages"') == 2


def test_a_winners_answers_are_recorded_as_its_baseline_drew_them(
    project: Project, model: FunctionModel
) -> None:
    """Random answers are drawn afresh before they become a baseline: a replay gives those."""
    lucky, seen = SimulatedModel(), set[str]()

    def once(chat: Chat) -> str:
        known = repr(chat) in seen
        seen.add(repr(chat))
        return "no idea" if known else lucky.answer(chat)

    model.answer = once
    _recording(project)
    project.write("shout.yaml", "instruction: SHOUT.\ninputs: [word]\noutput: loud\n")
    project.suite("budget=Budget(calls=600)", examples=120)
    project.run("--lm-optimize=bootstrap", "--lm-snapshot-update").stdout.fnmatch_lines(
        ["written: shout.yaml", "written: records/test_words/test_shout.jsonl"]
    )
    _forget(project)
    asked = model.calls
    project.run().stdout.fnmatch_lines(["*test_shout *0.000*+0.000*holds*100 %*"])
    assert model.calls == asked


def test_only_suites_that_ran_are_recorded_and_orphans_go(
    project: Project, model: FunctionModel
) -> None:
    """As with snapshots."""
    _recording(project)
    project.suite(examples=40)
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", f"{text}\n\ntest_other = pytest.mark.lm_suite()(test_shout)\n")
    project.run("--lm-snapshot-update")
    before = _records(project)
    model.answer = lambda _: "changed"
    options = ("--lm-snapshot-update", "--lm-cache=refresh")
    project.run(*options, "-k", "test_other")
    after = _records(project)
    assert {name for name in after if after[name] != before[name]} == {
        "records/test_words/test_other.jsonl"
    }
    project.suite(examples=40)
    project.run("--lm-snapshot-update").stdout.fnmatch_lines(
        [
            "removed: __lm_snapshots__/test_words/test_other.yaml*",
            "removed: records/test_words/test_other.jsonl*",
        ]
    )
    assert list(_records(project)) == ["records/test_words/test_shout.jsonl"]


def test_a_plain_run_records_when_told_to_and_accepts_nothing(
    project: Project, model: FunctionModel
) -> None:
    """The folder is then read where it is named again."""
    project.suite(examples=40)
    project.run("--lm-record=answers").stdout.fnmatch_lines(
        ["written: answers/test_words/test_shout.jsonl"]
    )
    assert project.files() == {}
    _forget(project)
    asked = model.calls
    project.run("--lm-record=answers").stdout.fnmatch_lines(["*test_shout *100 %*"])
    assert model.calls == asked
    project.run("--lm-record=answers", "--lm-cache=refresh")
    assert model.calls == 2 * asked


def test_refused_requests_are_replayed_as_such(project: Project, model: FunctionModel) -> None:
    """From committed files, too: the gate counts the same examples as wrong."""
    _recording(project)
    project.suite(examples=40)
    model.fault = lambda _, request: (
        RefusedError("no", request=request) if request.messages[-1].content < "word2" else None
    )
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    asked = model.calls
    for forgotten in (False, True):
        if forgotten:
            _forget(project)
        result = project.run("--lm-cache=replay")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["*test_shout *+0.000*holds*"])
    assert model.calls == asked


def test_a_malformed_line_is_an_error_of_every_suite(project: Project) -> None:
    """File and line are named; without recordings nothing reads it, and it is made anew."""
    _recording(project)
    project.suite(examples=40)
    project.run("--lm-snapshot-update")
    path = project.path / "records/test_words/test_shout.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2][:30], *lines[3:]]) + "\n")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_shout.jsonl, line 3: no JSON *--lm-snapshot-update*"])
    project.run("--lm-snapshot-update", "--lm-cache=refresh").assert_outcomes(passed=1)
    assert path.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--lm-record=records", "--lm-optimize"), "*: add --lm-snapshot-update, or record in*"),
        (("--lm-record=../records",), "*'../records': a folder of its own inside *"),
        (("--lm-record=.",), "*'.': a folder of its own inside *"),
    ],
)
def test_what_can_not_be_recorded_is_refused(
    project: Project, options: tuple[str, ...], message: str
) -> None:
    """Before anything is run."""
    project.suite()
    result = project.run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
