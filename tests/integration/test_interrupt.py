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
