"""``--lm-report=KIND:PATH``, what is stored of a run, and junit properties."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET

import pytest
from doubles.function_model import FunctionModel
from jsonschema import Draft202012Validator
from projects.shouting import SHOUT, Project

from pytest_lmopt.reports.machine import SCHEMA
from pytest_lmopt.wire import Completion, Usage

SKIPPING = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import one_step

SPLITS = ("train", "dev", "holdout")
WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}",
          "split": SPLITS[i % 3]} for i in range(60)]
DEV = {row["id"] for row in WORDS if row["split"] == "dev"}

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, budget=Budget(calls=400))
def test_shout(lm_example):
    text = one_step(lm_example.inputs["word"])
    if SKIPPED:
        pytest.skip("of no interest")
    return text
"""


def test_the_report_is_written_as_json(project: Project, model: FunctionModel) -> None:
    """Folders are made as needed; relative paths start where pytest was started."""
    project.suite()
    result = project.run("--lm-report=json:out/lm.json")
    document = json.loads((project.path / "out/lm.json").read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert document["version"] == 1
    (suite,) = document["suites"]
    assert suite["suite"] == "test_words.py::test_shout"
    assert suite["usage"]["calls"] == model.calls
    result.stdout.fnmatch_lines(["written: out/lm.json"])


def test_examples_have_rows_with_what_was_called(project: Project) -> None:
    """Those of dev whole; those of holdout without texts and calls, unless asked for."""
    project.suite()
    project.run("--lm-snapshot-update")
    for options, hidden in ([], True), (["-vv"], False):
        project.run("--lm-report=json:lm.json", *options)
        (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
        rows = {split: [r for r in suite["examples"] if r["split"] == split] for split in
                ("train", "dev", "holdout")}  # fmt: skip
        assert suite["n"] == len(rows["dev"]) + len(rows["holdout"]) == len(suite["examples"])
        assert all(row["score"] == row["baseline"] for row in suite["examples"])
        (run,) = rows["dev"][0]["runs"]
        (call,) = run["calls"]
        assert (call["prompt"], call["replayed"]) == ("shout.yaml", True)
        assert call["inputs"] == rows["dev"][0]["inputs"]
        assert call["text"] == run["got"]
        assert run["tokens"] == call["input_tokens"] + call["output_tokens"] > 0
        held = rows["holdout"][0]
        assert (held["inputs"] == {}) is hidden
        assert (held["runs"][0]["calls"] == []) is hidden
        assert held["runs"][0]["tokens"] > 0


def test_several_reports_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With commas between them, or the option several times; a step's summary is added to."""
    summary = project.write("summary.md", "what another command wrote\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    project.suite(examples=30)
    project.run(
        f"--lm-report=html:a,b.html,md:{summary}", "--lm-report=csv:scores.csv", "--lm-cache=off"
    )
    assert (project.path / "a,b.html").read_text().startswith("<!doctype html>")
    assert summary.read_text().startswith("what another command wrote\n## LM suites")
    with (project.path / "scores.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) > 10
    assert {line["suite"] for line in lines} == {"test_words.py::test_shout"}
    assert not (project.path / ".lmopt/runs").exists()  # with --lm-cache=off no answer is kept


def test_a_search_is_reported_with_its_winner(project: Project) -> None:
    """The trials, and the winner's score beside the incumbent's."""
    project.suite("budget=Budget(calls=400)", examples=160)
    project.run("--lm-optimize", "--lm-report=json:lm.json,html:lm.html")
    document = json.loads((project.path / "lm.json").read_text())
    (stored,) = project.path.glob(".lmopt/runs/*.json")
    assert stored.read_bytes() == (project.path / "lm.json").read_bytes()
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    (suite,) = document["suites"]
    assert document["run"]["strategy"] == "auto"
    assert suite["search"]["trials"][0]["calls"] > 0
    met = [row for row in suite["examples"] if row["winner"] is not None]
    holdout = [row for row in met if row["split"] == "holdout"]
    found = suite["search"]["confirmation"]
    assert sum(row["winner"] for row in holdout) / len(holdout) == pytest.approx(found["new_mean"])
    assert "Gain on dev against calls spent" in (project.path / "lm.html").read_text()


@pytest.mark.parametrize(
    ("skipped", "unscored"),
    [("lm_example.id in DEV", "incumbent"), ("text.isupper()", "candidates")],
)
def test_a_search_in_which_somebody_was_never_scored_has_every_report(
    skipped: str, unscored: str, project: Project, model: FunctionModel
) -> None:
    """What has no score, since its dev examples were all skipped, is told to have none."""
    model.answer = lambda chat: chat[-1][1].upper() if len(chat) > 2 else chat[-1][1]
    project.write("test_words.py", SKIPPING.replace("SKIPPED", skipped))
    kinds = ("json", "html", "md", "csv")
    asked = ",".join(f"{kind}:lm.{kind}" for kind in kinds)
    result = project.run("--lm-optimize=labeled", "--lm-threshold=0", f"--lm-report={asked}")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*nan*")
    result.stdout.fnmatch_lines([f"written: lm.{kind}" for kind in kinds])

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (project.path / "lm.json").read_text()
    document = json.loads(text, parse_constant=refuse)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    search = document["suites"][0]["search"]
    raced = [search["incumbent"]] if unscored == "incumbent" else search["trials"]
    assert raced
    assert {(trial["score"], trial["efficient"]) for trial in raced} == {(None, False)}


def test_an_unfinished_suite_is_stored_as_far_as_it_came(project: Project) -> None:
    """With what was evaluated."""
    project.suite("budget=Budget(calls=30)")
    project.write("shout.yaml", f"{SHOUT}model: openai/of-its-own\n")
    result = project.run("--lm-report=json:lm.json", "--lm-concurrency=2")
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    assert suite["status"] == "budget-stopped"
    assert suite["model"] == "openai/of-its-own"
    result.stdout.fnmatch_lines(["  charged to the budget: 30 of 30 calls (100 %)*"])
    assert suite["prompts"] == list(suite["digests"]) == ["shout.yaml"]
    assert 0 < len(suite["examples"]) < 30


def test_a_suite_that_completed_no_run_tells_what_was_charged(
    project: Project, model: FunctionModel
) -> None:
    """Calls were made, though no run that can be shown came of them; of no model it says none."""
    project.suite("budget=Budget(calls=3)")
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    project.write("shout.yaml", f"{SHOUT}model: openai/of-its-own\n")
    result = project.run("--lm-report=md:lm.md,html:lm.html")
    assert model.calls == 3
    result.stdout.fnmatch_lines(["  charged to the budget: 3 of 3 calls (100 %)*"])
    assert "charged to the budget&#58; 3 of 3 calls" in (project.path / "lm.md").read_text()
    page = (project.path / "lm.html").read_text()
    assert "Charged to the budget: 3 of 3 calls" in page
    assert "model none" not in page


def test_the_prompts_of_a_suite_that_completed_no_run_are_those_accepted(project: Project) -> None:
    """As with a metric that raises: a winner that rewrites them is known to concern it."""
    project.suite(examples=20)
    project.run("--lm-snapshot-update")
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("metrics.exact_match", "lambda one, other: 1 / 0"))
    project.run("--lm-report=json:lm.json")
    (suite,) = json.loads((project.path / "lm.json").read_text())["suites"]
    assert (suite["status"], suite["prompts"], suite["digests"]) == ("error", ["shout.yaml"], {})


def test_a_report_that_cannot_be_written_is_told(project: Project) -> None:
    """The others are written all the same."""
    project.write("file", "")
    project.suite(examples=12)
    result = project.run("--lm-report=csv:file/lm.csv,json:lm.json")
    result.stdout.fnmatch_lines(["written: lm.json", "not written: */file/lm.csv: *"])
    result.assert_outcomes(passed=1)


def test_html_without_its_extra_is_a_usage_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is spent."""
    monkeypatch.setattr("pytest_lmopt.reports.making.find_spec", lambda _: None)
    project.suite()
    result = project.run("--lm-report=html:lm.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --lm-report=html:lm.html: *; pip install 'pytest-lmopt[[]report[]]'"]
    )


def test_junit_has_one_testcase_with_a_few_figures(project: Project, model: FunctionModel) -> None:
    """The report itself does not swell the file; a price is there if it is known."""
    usage = Usage(calls=1, input_tokens=2, output_tokens=2, micro_usd=None)
    model.answer = lambda _: Completion(text="no idea", usage=usage)
    project.suite()
    project.run("--junitxml=junit.xml")
    (case,) = ET.parse(project.path / "junit.xml").iter("testcase")
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties == {
        "lm_status": "passed",
        "lm_score": properties["lm_score"],
        "lm_verdict": "NOT GATED (no baseline)",
        "lm_calls": str(model.calls),
        "lm_tokens": properties["lm_tokens"],
    }


def test_junit_has_the_verdict_that_the_terminal_has(
    project: Project, model: FunctionModel
) -> None:
    """What is compared with a stale baseline for information only is not judged there either."""
    project.suite(examples=60)
    project.run("--lm-snapshot-update")
    model.answer = lambda _: "nothing"
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("exact_match", "contains"))
    project.run("--lm-cache=refresh", "--junitxml=junit.xml")
    properties = ET.parse(project.path / "junit.xml").iter("property")
    found = {item.get("name"): item.get("value") for item in properties}
    assert (found["lm_status"], found["lm_verdict"]) == (
        "passed",
        "NOT GATED (stale (metric changed))",
    )
