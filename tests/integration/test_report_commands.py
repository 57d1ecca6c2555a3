"""``python -m pytest_lmopt report`` and ``compare``: runs that are over, without a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from doubles.sample_run import sample
from projects.shouting import Project

from pytest_lmopt.commands.command_line import main

Captured = pytest.CaptureFixture[str]


def test_reports_are_made_later_of_the_run_that_was_stored(
    project: Project, model: FunctionModel, capsys: Captured
) -> None:
    """The last one by default; with no kind named, the terminal's."""
    project.suite(examples=30)
    project.run()
    asked = model.calls
    root = f"--root={project.path}"
    json_path, html_path = project.path / "later.json", project.path / "later.html"
    assert main(["report", root, f"--json={json_path}", f"--html={html_path}"]) == 0
    (stored,) = project.path.glob(".lmopt/runs/*.json")
    assert json_path.read_bytes() == stored.read_bytes()
    assert "test_words.py::test_shout" in html_path.read_text()
    capsys.readouterr()
    assert main(["report", stored.stem, root]) == 0
    assert "test_words.py::test_shout" in capsys.readouterr().out
    assert model.calls == asked


def test_what_they_print_is_spelt_in_signs_that_the_output_has(tmp_path: Path) -> None:
    """Whatever its encoding."""
    sample(tmp_path / "run.json", examples=10)
    command = [sys.executable, "-m", "pytest_lmopt", "compare", "run.json", "run.json"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=60
    )
    assert run.returncode == 0
    assert b" -> " in run.stdout
    assert run.stderr == b""


def test_two_runs_are_judged_again(
    project: Project, model: FunctionModel, capsys: Captured
) -> None:
    """The same run holds; a worse one fails, and the exit status says so."""
    project.suite()
    project.run("--lm-report=json:new.json")
    document = json.loads((project.path / "new.json").read_text())
    for row in document["suites"][0]["examples"]:
        row["score"] = 1.0
    document["suites"][0]["digests"]["shout.yaml"] = "another"
    project.write("old.json", json.dumps(document))
    old, new = str(project.path / "old.json"), str(project.path / "new.json")
    assert main(["compare", new, new]) == 0
    assert ": holds" in capsys.readouterr().out
    assert main(["compare", old, new]) == 1
    assert ": regressed" in capsys.readouterr().out
    assert main(["compare", old, new, "--gate=off"]) == 0
    assert main(["compare", old, new, "--margin=1"]) == 0
    assert main(["compare", new, old]) == 0
    assert ": improved" in capsys.readouterr().out


def test_examples_that_changed_are_not_compared(tmp_path: Path, capsys: Captured) -> None:
    """Nor are suites that only one of the runs has; *noninferior* takes neither for proof."""
    sample(tmp_path / "old.json", examples=30)
    document = json.loads((tmp_path / "old.json").read_text(encoding="utf-8"))
    first, second, *_ = document["suites"]
    for row in first["examples"]:
        row["digest"] = "other"
    second["suite"] = "renamed"
    (tmp_path / "new.json").write_text(json.dumps(document), encoding="utf-8")
    both = [str(tmp_path / "old.json"), str(tmp_path / "new.json")]
    assert main(["compare", *both, "--gate=noninferior"]) == 1
    capsys.readouterr()
    main(["compare", *both])
    out = capsys.readouterr().out
    assert "test_triage: NOT GATED: 0 of the old run's" in out
    assert "renamed: only in the new run" in out
    assert "test_summary[openai/small]: only in the old run" in out


def test_a_suite_that_the_new_run_did_not_end_is_not_passed_off_as_one_that_holds(
    tmp_path: Path, capsys: Captured
) -> None:
    """What was scored of it before it broke says nothing of the rest: told, and exit status 1."""
    sample(tmp_path / "old.json", examples=30)
    document = json.loads((tmp_path / "old.json").read_text(encoding="utf-8"))
    document["suites"][0] |= {"status": "error", "problem": "3 of 30 runs have no answer"}
    (tmp_path / "new.json").write_text(json.dumps(document), encoding="utf-8")
    runs = [str(tmp_path / "old.json"), str(tmp_path / "new.json")]
    assert main(["compare", *runs]) == 1
    assert (
        "test_triage: not compared, as the new run did not judge it to the end (error: 3 of 30 "
        "runs have no answer)"
    ) in capsys.readouterr().out
    assert main(["compare", *runs, "--gate=off"]) == 0


@pytest.mark.parametrize("margin", ["2", "nan", "much"])
def test_a_margin_must_be_one(margin: str, capsys: Captured) -> None:
    """The message says what was found and what is expected."""
    with pytest.raises(SystemExit):
        main(["compare", "a.json", f"--margin={margin}"])
    assert f"a number from 0 to 1 expected, found '{margin}'" in capsys.readouterr().err


def test_mistakes_are_told_without_a_traceback(tmp_path: Path) -> None:
    """As a process: exit status 2, one line."""
    command = [sys.executable, "-m", "pytest_lmopt", "compare", "a.json", "b.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: a.json: there is no such file\n"
