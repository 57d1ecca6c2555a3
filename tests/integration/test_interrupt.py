"""Ctrl-C: a partial report, exit code 2, nothing left running, snapshots untouched."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest
from doubles.openai_server import Answer, OpenAIServer
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


def test_ctrl_c_reports_what_was_evaluated(project: Project, openai_server: OpenAIServer) -> None:
    """Accepting was asked for, but an interrupted suite has nothing to accept."""
    going = threading.Event()
    answer = openai_server.answer

    def slowly(chat: object) -> Answer:
        if openai_server.calls > 40:
            going.set()
            time.sleep(0.5)
        return answer(chat)  # type: ignore[arg-type]  # passed through unseen

    openai_server.answer = slowly
    project.suite(examples=300)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--lm-snapshot-update"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert going.wait(60)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "interrupted: stopped by Ctrl-C" in output
    assert "test_words.py::test_shout  25" in output
    assert "written" not in output
    assert project.files() == {}


INTERRUPTING = """

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
def test_then(lm_example):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
"""


def test_a_winner_found_before_ctrl_c_is_told_not_to_be_written(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Accepting was asked for, but nothing of an interrupted run is accepted."""
    openai_server.answer = SimulatedModel(base=0.2, per_demo=0.2).answer
    project.suite("budget=Budget(calls=500)", examples=120)
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", f"import os, signal, time\n{text}{INTERRUPTING}")
    result = project.run_apart("--lm-optimize=labeled", "--lm-snapshot-update", "-p", "no:randomly")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*better on holdout, not written: the run was interrupted*"])
    assert "demos" not in (project.path / "shout.yaml").read_text()
