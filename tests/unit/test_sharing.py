"""Which accepted files may be written where suites share prompts."""

from __future__ import annotations

from doubles.suite_reports import report

from pytest_lmopt.assessment.sharing import changes_for, conflicting, withdrawn
from pytest_lmopt.reports.suite_report import SharedCheck


def check(suite: str, *files: str, problem: str = "") -> SharedCheck:
    """What a suite made of others' files."""
    return SharedCheck(suite=suite, files=files, problem=problem)


A = report("a", ["p", "q"], {"p": "new p", "a.yaml": "1"})
B = report("b", ["p", "q"], {"q": "new q", "b.yaml": "1"})
C = report("c", ["r"], {"c.yaml": "1"})


def test_a_suite_is_tried_with_what_only_others_rewrite() -> None:
    """Prompts it calls, not its own winner's, and nothing for a suite that shares none."""
    reports = [A, B, C]
    assert changes_for(A, reports, set()) == {"q": "new q"}
    assert changes_for(B, reports, set()) == {"p": "new p"}
    assert changes_for(C, reports, set()) == {}


def test_different_texts_for_a_file_are_a_conflict_equal_ones_are_not() -> None:
    """And what is in conflict is tried on nobody, nor what would be accepted with it."""
    other = report("d", ["p", "q"], {"p": "another p", "q": "new q", "d.yaml": "1"})
    assert conflicting([A, B, other]) == {"p"}
    assert changes_for(B, [A, B, other], {"p"}) == {}


def test_nothing_is_withdrawn_where_every_check_passed() -> None:
    """All may be written."""
    assert withdrawn([], [check("a", "q"), check("b", "p")], [A, B, C]) == set()


def test_a_failed_check_withdraws_the_winner_whole() -> None:
    """Its snapshot is of prompts that are not written either; other suites keep theirs."""
    lost = withdrawn([], [check("b", "p", problem="regressed")], [A, B, C])
    assert lost == {"p", "a.yaml"}


def test_a_check_made_with_several_files_stands_for_all_or_none() -> None:
    """It passed with p and q together: without p it says nothing of q."""
    tried = check("c", "p", "q")
    lost = withdrawn([], [check("b", "p", problem="regressed"), tried], [A, B, C])
    assert lost == {"p", "a.yaml", "q", "b.yaml"}
