"""Runs as they are stored: the JSON document, its schema, how many are kept, how they are found."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from doubles.sample_run import FACTS, sample, transfers
from jsonschema import Draft202012Validator

from pytest_lmopt.commands.report import report
from pytest_lmopt.errors import ReportError
from pytest_lmopt.lm.net.openings import Opening
from pytest_lmopt.reports.example_rows import (
    LONGEST_TEXT,
    CallRow,
    ExampleRow,
    RunRow,
    cut,
)
from pytest_lmopt.reports.machine import SCHEMA, RunFacts
from pytest_lmopt.reports.stored_runs import find_run, forget_old_runs, read_run
from pytest_lmopt.reports.suite_report import PartGain, SearchReport, SuiteReport, TrialReport
from pytest_lmopt.reports.transfer import Transfer, Tried
from pytest_lmopt.wire import Usage

SCHEMA_TEXT = json.loads(SCHEMA.read_text(encoding="utf-8"))

CALL_FIELDS = set(SCHEMA_TEXT["$defs"]["call"]["required"])


def _names(definition: str) -> set[str]:
    return set(SCHEMA_TEXT["$defs"][definition]["properties"])


def test_the_document_is_what_its_schema_says(tmp_path: Path) -> None:
    """Searches, repeats, stale baselines and hidden examples included."""
    sample(tmp_path / "run.json")
    Draft202012Validator.check_schema(SCHEMA_TEXT)
    document = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA_TEXT).validate(document)


def test_the_schema_names_every_field() -> None:
    """One that is added without being described would be seen here."""
    stored = {f.name for f in fields(SuiteReport)} - {"accept", "counted"}
    assert _names("suite") == stored | {"examples"}
    assert _names("search") == {f.name for f in fields(SearchReport)}
    assert _names("transfer") == {f.name for f in fields(Transfer)} | {"gain", "best"}
    assert _names("tried") == {f.name for f in fields(Tried)}
    assert _names("opening") == {f.name for f in fields(Opening)}
    assert _names("gain") == {f.name for f in fields(PartGain)}
    assert _names("trial") == {f.name for f in fields(TrialReport)}
    assert _names("usage") == {f.name for f in fields(Usage)}
    assert _names("example") == set(ExampleRow.__annotations__)
    assert _names("exampleRun") == set(RunRow.__annotations__)
    assert _names("call") == set(CallRow.__annotations__)
    assert set(SCHEMA_TEXT["properties"]["run"]["properties"]) == {f.name for f in fields(RunFacts)}


def test_a_stored_run_comes_back(tmp_path: Path) -> None:
    """Suites as values, examples as rows by the suite's name."""
    run = sample(tmp_path / "run.json", examples=7)
    assert run.facts == FACTS
    assert [len(run.examples[suite.suite]) for suite in run.suites] == [7, 80, 40, 12]
    assert run.suites[0].search is not None
    assert run.suites[0].search.trials[0].name == run.suites[0].search.winner


def test_what_winners_did_on_other_models_comes_back_with_what_is_to_be_written(
    tmp_path: Path,
) -> None:
    """The mean gain, and which winner is the best, are for other readers."""
    run = sample(tmp_path / "run.json", answer="no answer")
    assert run.transfers == transfers("no answer")
    stored = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["transfers"]
    assert [(each["gain"], each["best"]) for each in stored] == [(0.1625, True), (0.0625, False)]


def test_they_are_in_what_the_terminal_shows_of_a_stored_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the suites, as in the run itself; whatever a model said."""
    sample(tmp_path / "run.json")
    assert report(str(tmp_path / "run.json"), tmp_path, []) == 0
    shown = capsys.readouterr().out
    assert f"  +0.125  {transfers('')[1].found_on}: improved\n" in shown
    assert "found holds everywhere, with a mean gain of +0.163: it would be written" in shown
    assert shown.replace("\n", "").isprintable()


def test_a_run_that_was_stored_before_there_were_such_fields_is_read(tmp_path: Path) -> None:
    """What was added within a version may be missing."""
    sample(tmp_path / "run.json", examples=7)
    stored = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    del stored["transfers"], stored["suites"][0]["search"]["gains"]
    clients = stored["suites"][3]["examples"][0]["runs"][0]["calls"][1]
    for name in SCHEMA_TEXT["$defs"]["call"]["properties"].keys() - CALL_FIELDS:
        del clients[name]
    (tmp_path / "run.json").write_text(json.dumps(stored), encoding="utf-8")
    run = read_run(tmp_path / "run.json")
    assert run.transfers == ()
    assert run.suites[0].search is not None
    assert run.suites[0].search.gains == ()
    assert set(run.examples[run.suites[3].suite][0]["runs"][0]["calls"][1]) == CALL_FIELDS


@pytest.mark.parametrize(
    ("name", "value"), [("client", 3), ("messages", [{"role": "user"}]), ("tool_calls", None)]
)
def test_a_clients_call_that_was_not_written_so_is_refused(
    tmp_path: Path, name: str, value: object
) -> None:
    """Fields that may be missing are checked where they are there."""
    sample(tmp_path / "run.json", examples=7)
    stored = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    stored["suites"][3]["examples"][0]["runs"][0]["calls"][1][name] = value
    (tmp_path / "run.json").write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(ReportError, match=name):
        read_run(tmp_path / "run.json")


def test_the_document_may_be_shown_in_a_terminal(tmp_path: Path) -> None:
    """No control character of a model's is in it, and each example has a line of its own."""
    run = sample(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    assert text.replace("\n", "").isprintable()
    assert run.examples[run.suites[3].suite][0]["runs"][0]["got"].endswith("\u202eright to left")
    assert len(text.splitlines()) > 7 + 80 + 40 + 12


def test_long_texts_are_cut() -> None:
    """Their beginning is kept, and how long they were."""
    assert cut("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert cut("x" * 5000) == "x" * LONGEST_TEXT + "… (5,000 characters)"


def test_only_the_last_runs_are_kept(tmp_path: Path) -> None:
    """Thirty of them; the last one even if it is larger than all may be together."""
    for number in range(40):
        (tmp_path / f"20260101-0000{number:02}-aaaa.json").write_text("{}")
    (tmp_path / "other.txt").write_text("not ours")
    forget_old_runs(tmp_path)
    left = sorted(path.name for path in tmp_path.glob("*.json"))
    assert (len(left), left[0], left[-1]) == (
        30, "20260101-000010-aaaa.json", "20260101-000039-aaaa.json",
    )  # fmt: skip
    assert (tmp_path / "other.txt").exists()


def test_large_runs_are_forgotten_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share so many bytes."""
    monkeypatch.setattr("pytest_lmopt.reports.stored_runs.KEPT_BYTES", 250)
    for number in range(4):
        (tmp_path / f"{number}.json").write_text("x" * 100)
    forget_old_runs(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["2", "3"]
    (tmp_path / "9.json").write_text("x" * 1000)
    forget_old_runs(tmp_path)
    assert [path.stem for path in tmp_path.iterdir()] == ["9"]


def test_a_run_that_another_session_is_forgetting_is_in_nobodys_way(tmp_path: Path) -> None:
    """It is listed, and then it is gone."""
    (tmp_path / "20260101-000000-gone.json").symlink_to(tmp_path / "gone")
    for number in range(31):
        (tmp_path / f"20250101-0000{number:02}-abcd.json").write_text("{}")
    forget_old_runs(tmp_path)
    assert len([path for path in tmp_path.glob("*.json") if path.exists()]) == 29


def test_a_run_is_found_by_path_by_name_or_as_the_latest(tmp_path: Path) -> None:
    """A name is one of the stored runs', never a way to another folder."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text("{}")
    assert find_run("latest", tmp_path) == tmp_path / "b.json"
    assert find_run("a", tmp_path) == tmp_path / "a.json"
    assert find_run(str(tmp_path / "a.json"), tmp_path / "none") == tmp_path / "a.json"
    with pytest.raises(ReportError, match=r"nightly: no run of that name .* last ones are a, b"):
        find_run("nightly", tmp_path)
    with pytest.raises(ReportError, match="no run of that name"):
        find_run("../a", tmp_path / "sub")
    with pytest.raises(ReportError, match=r"latest: .* suites leaves one below its rootdir"):
        find_run("latest", tmp_path / "none")
    with pytest.raises(ReportError, match=r"lost\.json: there is no such file"):
        find_run("lost.json", tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "can't be read as JSON"),
        ("[" * 100_000, "can't be read as JSON"),
        ("[]", "format version None, 1 expected"),
        ('{"version": 2}', "format version 2, 1 expected"),
        ('{"version": 1}', "not as it was written"),
        ('{"version": 1, "run": {}, "suites": [7]}', "not as it was written"),
        ('{"version": 1, "run": {}, "suites": [{"examples": []}]}', "not as it was written"),
    ],
)
def test_what_is_no_stored_run_is_told(tmp_path: Path, text: str, problem: str) -> None:
    """With the file's name, whatever is in it."""
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ReportError, match=rf"run\.json: {problem}"):
        read_run(tmp_path / "run.json")
