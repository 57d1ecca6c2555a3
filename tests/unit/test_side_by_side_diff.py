"""Diffs in two columns."""

from __future__ import annotations

import difflib

from doubles.sample_run import DIFF
from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt.reports.html.diffs import Side, side_by_side


def _text(side: Side | None) -> str | None:
    return None if side is None else "".join(text for _, text in side.pieces)


def test_what_was_stands_beside_what_is() -> None:
    """Changed lines in one row with the words that differ marked; added ones beside nothing."""
    (file,) = side_by_side(DIFF)
    assert file.name == "prompts/route.yaml"
    left, right = file.rows[1]
    assert (_text(left), _text(right)) == (
        "  Answer with the team code only.",
        "  Answer with the three-letter team code only.",
    )
    assert right is not None
    assert [text for changed, text in right.pieces if changed] == ["three-letter "]
    assert [(_text(a), _text(b)) for a, b in file.rows[4:6]] == [
        (None, "demos:"),
        (None, "  - {problem: I was charged twice, team: FIN}"),
    ]
    last_left, last_right = file.rows[-1]
    assert last_left is not None
    assert last_right is not None
    assert (last_left.number, last_right.number) == (5, 7)


def test_several_files_and_gaps() -> None:
    """Each file has its rows; lines left out are a row of nothing."""
    old = [str(number) for number in range(40)]
    new = ["0", "one", *old[2:30], "thirty", *old[31:]]
    both: list[str] = []
    for name in ("a.yaml", "b.yaml"):
        both += difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm="", n=2)
    files = side_by_side("\n".join(both))
    assert [file.name for file in files] == ["a.yaml", "b.yaml"]
    assert files[0].rows == files[1].rows
    assert [row for row in files[0].rows if row == (None, None)] == [(None, None)]


LINES = st.lists(st.sampled_from(["a", "b", "-- x", "++ y", "@@ -1 +1 @@", "", "- a", "+ b"]))


@given(LINES, LINES)
def test_both_sides_can_be_read_off(old: list[str], new: list[str]) -> None:
    """Whatever the lines look like, also like a diff's own."""
    size = len(old) + len(new)
    lines = difflib.unified_diff(old, new, "a/x", "b/x", lineterm="", n=size)
    files = side_by_side("\n".join(lines))
    if old == new:
        assert files == []
        return
    (file,) = files
    assert [_text(left) for left, _ in file.rows if left is not None] == old
    assert [_text(right) for _, right in file.rows if right is not None] == new
