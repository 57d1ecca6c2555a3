"""Hostile templates rendered in a process of little memory: each meets a bound of ours first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.hostile_templates import TEMPLATES


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[str, float]]:
    """The error of each hostile template and its CPU seconds, in a process of little memory."""
    ran = subprocess.run(
        [sys.executable, "-m", "doubles.rendering_process"],
        input=json.dumps(TEMPLATES),
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, tuple[str, float]] = json.loads(ran.stdout)
    return found


BOUNDS = (
    "characters long", "characters in all", "rounds and calls", "reads and calls too much",
    "over 20,000 tokens", "a width over", "a power beyond", "number of over", "huge numbers",
    "are encodings for templates", "translate is not", "a namespace is used by",
    "recursion depth exceeded", "too many nested parentheses", "Range too big",
)  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_takes_gigabytes_or_never_ends(
    outcomes: dict[str, tuple[str, float]], name: str
) -> None:
    """By a bound of ours, within seconds, and all in 200 MB."""
    error, seconds = outcomes[name]
    assert any(bound in error for bound in BOUNDS), error or "it was rendered"
    assert "the template failed" in error or "not a Jinja2 template" in error
    assert seconds < 5.0  # the longest takes one on an idle machine
