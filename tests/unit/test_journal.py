"""The journal: what a killed search had decided, and whether it may be continued."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_lmopt.strategies.journal import Journal

INPUTS = {"dataset": "d", "seed": 0}


def begun(path: Path, *, inputs: dict[str, object] | None = None, resume: bool = True) -> Journal:
    """A journal at ``path``, begun."""
    journal = Journal(path, resume=resume)
    journal.begin(inputs or INPUTS)
    return journal


def events(path: Path) -> list[str]:
    """The events on file."""
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The journal of a search that was killed after two steps."""
    path = tmp_path / "journals" / "suite.jsonl"
    journal = begun(path)
    assert journal.decided("runs left", 20) == 20
    journal.record("proposed", candidates=[["a", "1"]])
    return path


def test_steps_are_on_file_as_they_are_taken(killed: Path) -> None:
    """One JSON object a line."""
    assert events(killed) == ["begun", "runs left", "proposed"]


def test_a_killed_search_goes_by_the_figures_it_went_by_before(killed: Path) -> None:
    """As far as it came; then by today's."""
    journal = begun(killed)
    assert journal.note.startswith("continued a search that was killed, 2 steps")
    assert journal.decided("runs left", 12) == 20
    journal.record("proposed", candidates=[["a", "1"]])
    assert journal.decided("runs left", 4) == 4
    journal.record("finished")
    assert events(killed) == ["begun", "runs left", "proposed", "runs left", "finished"]


def test_a_finished_search_is_not_continued(killed: Path) -> None:
    """The next one begins a journal of its own, without a word."""
    begun(killed).record("finished")
    assert begun(killed).note == ""
    assert events(killed) == ["begun"]


def test_other_inputs_are_refused_with_the_reason(killed: Path) -> None:
    """It names what changed, and starts afresh."""
    journal = begun(killed, inputs={"dataset": "other", "seed": 0})
    assert journal.note == "an unfinished search was not continued: since then dataset changed"
    assert events(killed) == ["begun"]


def test_continuing_can_be_declined(killed: Path) -> None:
    """As ``--lm-resume=no`` does."""
    assert begun(killed, resume=False).note == ""
    assert events(killed) == ["begun"]


def test_a_line_cut_short_by_the_kill_is_left_out(killed: Path) -> None:
    """And does not spoil what is written after it."""
    with killed.open("a") as file:
        file.write('{"event": "rac')
    journal = begun(killed)
    assert journal.decided("runs left", 1) == 20
    journal.record("proposed", candidates=[["a", "1"]])
    journal.record("raced")
    assert events(killed) == ["begun", "runs left", "proposed", "raced"]


def test_another_turn_than_before_is_told_and_counts_from_there(killed: Path) -> None:
    """Where dollars or seconds bind, the second run may differ."""
    journal = begun(killed)
    journal.decided("runs left", 20)
    journal.record("proposed", candidates=[["b", "2"]])
    assert journal.note.endswith("it took another turn at 'proposed'")
    assert events(killed) == ["begun", "runs left", "proposed"]
    assert '["b", "2"]' in killed.read_text()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"null\n", b"[1]\n", b"{}\n", b""])
def test_what_is_no_journal_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    """A damaged file costs nothing but the search's beginning, which is recorded."""
    path = tmp_path / "suite.jsonl"
    path.write_bytes(content)
    assert begun(path).note == ""
    assert events(path) == ["begun"]


def test_without_a_path_nothing_is_kept() -> None:
    """For searches that are not recorded."""
    journal = Journal()
    journal.begin(INPUTS)
    journal.record("finished")
    assert journal.decided("runs left", None) is None
