"""What the terminal shows of a session's suites."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from doubles.sample_run import FACTS
from doubles.suite_reports import FAILING, HELD, REPORT, SEARCH, comparison

from pytest_lmopt.comparison.verdict import Verdict, compare
from pytest_lmopt.reports.look import Look
from pytest_lmopt.reports.machine import document
from pytest_lmopt.reports.suite_report import (
    Charged,
    FailingExample,
    PartGain,
    Repeats,
    SharedCheck,
    Status,
    SuiteReport,
)
from pytest_lmopt.reports.terminal import check_lines, terminal_lines
from pytest_lmopt.reports.text import one_line, printable
from pytest_lmopt.strategies.confirming import level


def shown(*reports: SuiteReport, verbosity: int = 0, width: int = 120) -> str:
    """The section as text."""
    return "\n".join(terminal_lines(reports, Look(verbosity=verbosity, width=width)))


def below(*reports: SuiteReport, verbosity: int = 0, width: int = 120) -> list[str]:
    """The lines below the table, without their indents."""
    lines = shown(*reports, verbosity=verbosity, width=width).splitlines()
    return [line.strip() for line in lines[lines.index("") :]] if "" in lines else []


def test_suites_that_pass_and_hold_get_the_table_only() -> None:
    """Nothing in them needs attention."""
    assert below(replace(REPORT, comparison=HELD), REPORT) == []


def test_quiet_terminals_get_the_table_or_nothing() -> None:
    """With -q there are no details, with -qq there is no table either."""
    failed = replace(REPORT, status="failed", problem="score 0.4 is low", failing=FAILING)
    assert len(shown(failed, verbosity=-1, width=160).splitlines()) == 3
    assert shown(failed, verbosity=-2) == ""


def test_a_comparison_is_told_with_its_numbers() -> None:
    """With -v: means, n, difference, interval, p-value, test and verdict."""
    text = shown(REPORT, verbosity=1)
    assert "against the baseline: 0.500 → 0.900 on 20 examples" in text
    assert "difference +0.400, 95 % interval [+0." in text
    assert "p = 0.0039 (mid-p McNemar): improved" in text


def test_several_comparisons_are_adjusted_together() -> None:
    """By Holm's method, where a suite is told of; one alone needs no adjustment."""
    failed = replace(REPORT, suite="f", status="failed", problem="regressed against the baseline")
    assert "p adjusted for 3 suites (Holm): 0.0117" in below(failed, REPORT, REPORT)
    assert "Holm" not in shown(failed, verbosity=1)


def test_a_comparison_for_information_only_is_none_to_adjust_for() -> None:
    """With a stale baseline nothing is judged, so it can raise no false alarm."""
    stale = replace(REPORT, suite="test_c.py::test_other", baseline="stale (model changed)")
    assert "Holm" not in shown(REPORT, stale, verbosity=1)
    third = replace(REPORT, suite="test_d.py::test_third")
    assert "p adjusted for 2 suites (Holm)" in shown(REPORT, stale, third, verbosity=1)


def test_an_inconclusive_comparison_says_what_could_be_seen() -> None:
    """In one line: the effect these examples can show, and how many would decide this one."""
    report = replace(REPORT, comparison=comparison(20, 18, of=20))
    assert below(report) == [
        "",
        "tests/test_shop.py::test_triage: inconclusive, -0.100 [-0.30, +0.08], p = 0.2500; 20 "
        "examples can show a difference of 0.193; about 75 would decide this one",
    ]


def test_where_nothing_can_be_said_of_more_examples_nothing_is() -> None:
    """All examples changed alike, so there is no spread to go by: the line ends with p."""
    found = replace(comparison(20, 18, of=20), detectable=None, needed=None)
    (line,) = below(replace(REPORT, comparison=found))[1:]
    assert line.endswith("p = 0.2500")


def test_few_examples_are_described_not_judged() -> None:
    """It says from how many on a comparison is judged."""
    text = shown(replace(REPORT, comparison=comparison(2, 8, of=9)))
    assert "insufficient data, +0.667" in text
    assert "described, not judged: that takes 10 shared examples or more" in text


def test_an_inconclusive_tie_promises_no_number() -> None:
    """Where as many were lost as gained no number of examples would show the difference."""
    old = {str(number): float(number < 3) for number in range(20)}
    new = {str(number): float(3 <= number < 6) for number in range(20)}
    text = shown(replace(REPORT, comparison=compare(old, new)))
    assert "20 examples can show a difference of" in text
    assert "would decide" not in text


def test_a_verdict_that_stands_needs_no_such_line() -> None:
    """What could be detected is of interest only where nothing was."""
    assert "can show a difference" not in shown(REPORT)


def test_warnings_of_a_comparison_are_shown() -> None:
    """A comparison resting on few groups says so."""
    compared = comparison(10, 18, of=20)
    report = replace(REPORT, comparison=replace(compared, warning="only 4 groups"))
    assert "warning: only 4 groups" in shown(report)


def test_examples_left_out_are_counted() -> None:
    """Missing answers and skips are told apart."""
    assert "left out: 2 without an answer, 1 skipped" in shown(
        replace(REPORT, missing=2, skipped=1)
    )


def test_the_first_missing_example_is_named_with_its_reason() -> None:
    """On a line of its own; where too much is missing, the suite's problem says it already."""
    missing = replace(REPORT, missing=2, missing_because="t3: rate limit")
    assert "\n    t3: rate limit" in shown(missing)
    assert "t3" not in shown(replace(missing, status="error", problem="2 runs have no answer"))


def test_failing_examples_are_shown_with_the_reason() -> None:
    """A failed suite shows three examples: input, expected, got, why; the others by id."""
    report = replace(REPORT, status="failed", problem="score 0.4 is low", failing=FAILING)
    assert below(report) == [
        "",
        "tests/test_shop.py::test_triage",
        "failed: score 0.4 is low",
        "5 examples below 1 (-v shows more):",
        "t1",
        "inputs   {'text': 'x'}",
        "expected FIN",
        "got      ENG",
        "feedback not FIN",
        "t2",
        "got      ?",
        "and h1, h2, h3",
    ]


def test_holdout_examples_are_shown_by_id_alone() -> None:
    """Of an example without texts only the id is printed, even with -vv."""
    report = replace(REPORT, status="failed", failing=FAILING)
    assert below(report, verbosity=2)[-1] == "and h1, h2, h3"


def test_a_passing_suite_keeps_its_failing_examples_to_itself() -> None:
    """They are shown with -v."""
    report = replace(REPORT, failing=FAILING)
    assert "below 1" not in shown(report)
    assert "5 examples below 1 (-vv shows more):" in below(report, verbosity=1)


def test_long_texts_are_cut_to_the_width() -> None:
    """No line of an example is wider than the terminal; -v shows several, -vv the whole text."""
    long = FailingExample(id="i" * 500, inputs="x " * 300, got="line\n" * 100)
    report = replace(REPORT, status="failed", failing=(long,) * 9)
    heights = []
    for verbosity in (0, 1, 2):
        lines = shown(report, verbosity=verbosity, width=60).splitlines()
        start = next(number for number, line in enumerate(lines) if "below 1" in line)
        assert max(map(len, lines[start:])) <= 60
        heights.append(len([line for line in lines if line.strip() in ("line", "got      line")]))
    assert heights == [0, 9 * 6, 9 * 100]


def test_texts_that_begin_alike_are_shown_from_where_they_differ() -> None:
    """Else both would be cut before the difference."""
    same = "word " * 40
    example = FailingExample(id="a", expected=f"{same}yes", got=f"{same}no")
    lines = below(replace(REPORT, status="failed", failing=(example,)), width=60)
    assert lines[-2:] == [
        "expected …word word word word yes",
        "got      …word word word word no",
    ]


def test_of_many_failing_suites_the_first_show_examples() -> None:
    """The others tell how many there are, and their ids."""
    suites = [replace(REPORT, suite=str(n), status="failed", failing=FAILING) for n in range(20)]
    lines = below(*suites)
    assert lines.count("feedback not FIN") == 10
    assert lines.count("5 examples below 1 (-v shows more):") == 20
    assert lines.count("t1, t2, h1, h2, h3") == 10
    assert below(*suites, verbosity=1).count("feedback not FIN") == 20


def test_a_problem_of_many_suites_is_told_once() -> None:
    """The others name the suite where it stands."""
    error = replace(REPORT, status="error", problem="model 'x' needs a key: set X_API_KEY")
    lines = below(replace(error, suite="a"), replace(error, suite="b"))
    assert lines == [
        "", "a", "error: model 'x' needs a key: set X_API_KEY", "", "b", "error: as a",
    ]  # fmt: skip


NEW = replace(REPORT, baseline="no baseline", comparison=None)
STALE = replace(REPORT, baseline="stale (metric changed)")
CHANGED = replace(REPORT, changed=("route.yaml",))


def test_what_resolves_a_state_is_a_command_to_copy() -> None:
    """With the paths first: the option would take one for its value."""
    assert below(NEW, STALE, CHANGED)[1:] == [
        "no baseline yet; to make these scores one: "
        "pytest tests/test_shop.py::test_triage --lm-snapshot-update",
        "NOT GATED: stale (metric changed); to accept these scores as the baseline: "
        "pytest tests/test_shop.py::test_triage --lm-snapshot-update",
        "changed since the baseline: route.yaml; to accept: "
        "pytest tests/test_shop.py::test_triage --lm-snapshot-update",
    ]


def test_what_an_assertion_or_an_exception_said_is_told_once() -> None:
    """As feedback: nothing was got."""
    example = FailingExample(id="a", expected="FIN", got="too long", feedback="too long")
    assert below(replace(REPORT, status="failed", failing=(example,)))[-3:] == [
        "a",
        "expected FIN",
        "feedback too long",
    ]


def test_many_suites_of_one_state_are_one_line() -> None:
    """Named by their files; names that a shell would read are quoted."""
    several = [replace(NEW, suite=f"t{n % 2}.py::test[{n} $x]") for n in range(40)]
    assert below(*several)[1:] == [
        "no baseline yet (40 suites); to make these scores one: "
        "pytest t0.py t1.py --lm-snapshot-update"
    ]
    assert "pytest 't0.py::test[0 $x]' --lm-" in below(several[0])[-1]


def test_what_is_being_accepted_needs_no_command() -> None:
    """Nor what could not be judged or scored; a regression is accepted only once meant."""
    accepting = replace(CHANGED, accepting=True, baseline="no baseline")
    assert below(accepting) == []
    assert "snapshot-update" not in shown(replace(NEW, status="error", problem="p"))
    unscored = replace(NEW, status="failed", problem="p", n=0, score=None, low=None, high=None)
    assert "snapshot-update" not in shown(unscored)
    failed = replace(CHANGED, status="failed", problem="p")
    assert "route.yaml; to accept, once meant: pytest" in below(failed)[-1]


def test_a_small_budget_is_shown_with_the_digits_that_tell_what_was_charged() -> None:
    """Four digits would be $0.0000 of $1e-05."""
    charged = (
        Charged(kind="usd", amount=0.000008, limit=0.00001),
        Charged(kind="usd", amount=0.000021, limit=0.0005),
    )
    lines = below(replace(REPORT, status="budget-stopped", problem="p", charged=charged))
    assert any(
        line.endswith("$0.000008 of $0.00001 (80 %), $0.000021 of $0.0005 (4 %)") for line in lines
    ), lines


def test_a_search_is_told_from_trials_to_diff() -> None:
    """Strategy, cost and budget, the race, the winner, its confirmation, what to do, the diff."""
    charged = (
        Charged(kind="calls", amount=200, limit=2000),
        Charged(kind="usd", amount=0.0125, limit=0.5),
        Charged(kind="seconds", amount=12.0, limit=None),
    )
    assert below(replace(REPORT, search=SEARCH, charged=charged))[2:] == [
        "search: bootstrap, 2 candidates raced; 1,200 calls (83 % cached), 45,678 tokens, $0.0125",
        "charged to the budget: 200 of 2,000 calls (10 %), $0.0125 of $0.5 (2 %), 12 s",
        "demos-3          +0.120 [+0.02, +0.22] on 24 dev examples",
        "demos-1          -0.050 [-0.15, +0.05] on 16 dev examples",
        "winner: demos-3 (demos from the passing runs of a, b)",
        "it changes route.yaml: 4 in place of 0 demos",
        "incumbent → winner on holdout: 0.500 → 0.900 on 20 examples",
        "difference +0.400, 95 % interval [+0.174, +0.613], p = 0.0039 (mid-p McNemar): improved",
        "better on holdout; to accept it: pytest tests/test_shop.py::test_triage "
        "--lm-optimize=bootstrap --lm-snapshot-update",
        "--- a/route.yaml",
        "+++ b/route.yaml",
        "@@ -1 +1 @@",
        "-old",
        "+new",
    ]


def test_the_command_that_accepts_a_winner_does_so_when_copied() -> None:
    """Names that a shell would read are quoted, and the run's own options are repeated."""
    found = replace(REPORT, suite="t.py::test[a $x]", search=SEARCH)
    lines = terminal_lines([found], Look(width=200, options=" --lm-accept=best"))
    told = "pytest 't.py::test[a $x]' --lm-optimize=bootstrap --lm-accept=best --lm-snapshot-update"
    assert any(line.endswith(f"; to accept it: {told}") for line in lines)


def test_each_change_is_told_with_what_it_brought_in_the_race() -> None:
    """Alone, or several together; of one that was not raced so, only that."""
    demos, words = "route.yaml: 4 in place of 0 demos", "route.yaml: another instruction"
    only = PartGain(changes=(demos,), candidate="c", difference=0.12, low=0.02, high=0.22, n=24)
    both = replace(only, changes=(words, demos))
    search = replace(SEARCH, gains=(only, PartGain(changes=(words,)), both))
    assert [line for line in below(replace(REPORT, search=search)) if "it changes" in line] == [
        f"it changes {demos}; alone: +0.120 [+0.02, +0.22] on 24 dev examples",
        f"it changes {words}; not tried alone",
        f"it changes {words}, {demos}; these alone: +0.120 [+0.02, +0.22] on 24 dev examples",
    ]
    alone = replace(SEARCH, gains=(only,))
    assert f"it changes {demos}; nothing else, so all of the gain is its" in below(
        replace(REPORT, search=alone)
    )


def test_a_diff_is_coloured_where_there_are_colours() -> None:
    """Lines keep their signs."""
    report = replace(REPORT, search=SEARCH)
    text = "\n".join(terminal_lines([report], Look(colour=True)))
    assert "\x1b[31m-old\x1b[0m" in text
    assert "\x1b[32m+new\x1b[0m" in text


def test_a_long_race_is_cut() -> None:
    """The best are shown, all with -v."""
    many = replace(REPORT, search=replace(SEARCH, trials=SEARCH.trials * 4))
    assert "and 3 more (-v shows them)" in below(many)
    assert shown(many, verbosity=1).count("dev examples") == 8


def test_a_winner_not_accepted_says_what_it_would_have_taken() -> None:
    """The k-th use of the holdout asks for a smaller p, and the report names it."""
    confirmation = replace(comparison(10, 12, of=20), alpha=0.05 / 3)
    search = replace(SEARCH, accepted=False, holdout_use=2, confirmation=confirmation)
    assert (
        "not accepted: use 2 of this holdout asks for improved with p < 0.0167; "
        "the prompts stay as they are"
    ) in shown(replace(REPORT, search=search))


def test_what_the_hundredth_use_of_a_holdout_asks_for_is_not_told_as_nothing() -> None:
    """However small its level, it is a p-value that can be met."""
    confirmation = replace(comparison(10, 12, of=20), alpha=level(100))
    search = replace(
        SEARCH, accepted=False, holdout_use=100, confirmation=confirmation,
        holdout=20, alpha=level(100), detectable=0.7,
    )  # fmt: skip
    text = shown(replace(REPORT, search=search))
    assert "asks for improved with p < 9.9e-06; the prompts" in text
    assert "a difference of about 0.70 at p < 9.9e-06 (80 % power)" in text


def test_a_search_without_a_winner_ends_with_its_note() -> None:
    """Where nothing was better there is no confirmation to tell of."""
    search = replace(SEARCH, winner=None, confirmation=None, note="no run passed", holdout=40)
    text = shown(replace(REPORT, search=search))
    assert "no run passed" in text
    assert "no use of this holdout: 40 examples" in text
    assert "winner" not in text


def test_prompts_without_a_file_are_to_be_changed_by_hand() -> None:
    """What can't be written is named."""
    search = replace(SEARCH, unwritable=("inline",))
    assert "prompt 'inline' has no file in this project" in shown(replace(REPORT, search=search))


EVIL = "\x1b[2Jgone\x07\r\x9b31m\u202eabc\ud800"


def evil(value: Any) -> Any:
    """The value with every text in it replaced by an evil one, at any depth."""
    if isinstance(value, Verdict) or value is None:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {item.name: evil(getattr(value, item.name)) for item in fields(value)}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(evil(item) for item in value)
    if isinstance(value, Mapping):
        return {evil(key): evil(item) for key, item in value.items()}
    return EVIL if isinstance(value, str) else value


EVERYTHING = replace(
    REPORT,
    failing=(FailingExample(id="a", inputs="b", expected="c", got="d", feedback="e"),) * 5,
    missing=1,
    spared=1,
    repeats=Repeats(k=2, any_pass=0.5, all_pass=0.5),
    search=replace(SEARCH, note="n", unwritable=("u",)),
    prompts=("p",),
    changed=("p",),
    orphans=("o",),
    accept={"f": "t"},
)


@pytest.mark.parametrize("status", ["passed", "failed", "error", "budget-stopped", "interrupted"])
@pytest.mark.parametrize("verbosity", [-1, 0, 2])
def test_no_text_reaches_the_terminal_with_control_characters(
    status: Status, verbosity: int
) -> None:
    """Escape sequences and turned-around text, whichever part of a report they stand in."""
    report = replace(evil(EVERYTHING), status=status)
    for baseline in ("compared", EVIL, f"stale ({EVIL})"):
        rejected = replace(report, search=replace(report.search, accepted=False))
        both = (replace(report, baseline=baseline), replace(rejected, baseline=baseline))
        text = shown(*both, verbosity=verbosity, width=400)
        assert all(char.isprintable() or char == "\n" for char in text)
        assert r"\x1b[2Jgone\x07\r\x9b31m\u202eabc\ud800" in text


def test_a_check_of_shared_prompts_is_printable_too() -> None:
    """Names of suites and files come from the project."""
    check = SharedCheck(suite="s", files=("f",), problem="p", comparison=comparison(3, 9, of=20))
    text = "\n".join(check_lines(evil(check), Look()))
    assert all(char.isprintable() or char == "\n" for char in text)


def test_the_json_report_may_be_shown_in_a_terminal() -> None:
    """What is not printable is escaped as JSON does it, and comes back when it is read."""
    text = "".join(document(FACTS, [evil(EVERYTHING)]))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert json.loads(text)["suites"][0]["suite"] == EVIL


def test_every_line_is_one_line() -> None:
    """Line ends in texts make more lines or a ⏎, all of them indented under their suite."""
    example = FailingExample(id="two\nlines", got="two\nlines")
    report = replace(REPORT, status="failed", problem="two\nlines", failing=(example,))
    lines = list(terminal_lines([report], Look(width=100)))
    assert not any("\n" in line for line in lines)
    assert "  lines" in lines
    assert "    two⏎lines" in lines


def test_printable_keeps_what_can_be_read() -> None:
    """Letters of any script and line ends stay."""
    assert printable("größer\n漢字 🙂") == "größer\n漢字 🙂"
    assert printable("a\tb\x00") == r"a\tb\x00"


def test_one_line_fits_its_width() -> None:
    """A text that is too long ends in an ellipsis."""
    assert one_line("abc\ndef", 7) == "abc⏎def"
    assert one_line("abc\ndefg", 7) == "abc⏎de…"
