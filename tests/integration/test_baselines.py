"""The gate compares what is left of a baseline, and says in red where nothing is left."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project
from projects.tickets import Tickets, row


@pytest.fixture(scope="module")
def accepted() -> dict[str, bytes]:
    """The first such project's baseline by file, for the others to copy."""
    return {}


@pytest.fixture
def tickets(pytester: pytest.Pytester, accepted: dict[str, bytes]) -> Tickets:
    """A project of 60 tickets, all answered right and accepted."""
    project = Tickets(pytester)
    if not accepted:
        project.accept()
        accepted.update({path.name: path.read_bytes() for path in project.baseline})
    project.snapshot.parent.mkdir(parents=True, exist_ok=True)
    for path in project.baseline:
        path.write_bytes(accepted[path.name])
    return project


WRONG = '"other"'
ROWS = [row(n) for n in range(60)]


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (ROWS[:-1], "1 removed"),
        ([*ROWS, row(60)], "1 new"),
        ([{**ROWS[0], "expected": "another"}, *ROWS[1:]], "1 changed"),
        ([{**ROWS[0], "inputs": {"message": "another 0"}}, *ROWS[1:]], "1 changed"),
        (ROWS[::-1], ""),
        ([{**each, "group": "g"} for each in ROWS[:2]] + ROWS[2:], ""),
        ([{**each, "id": f"renamed {each['id']}"} for each in ROWS], ""),
        ([{"inputs": each["inputs"], "expected": each["expected"]} for each in ROWS], ""),
        ([{**each, "id": f"t{n}"} for n, each in enumerate(ROWS[1:])], "1 removed"),
    ],
    ids=["removed", "added", "expected", "inputs", "order", "group", "ids", "no ids", "numbers"],
)
def test_a_changed_dataset_keeps_the_gate(
    tickets: Tickets, rows: list[dict[str, object]], note: str
) -> None:
    """Unchanged rows are compared and gated whatever else changed; the changes are listed."""
    tickets.rows(rows)
    tickets.answers(WRONG)
    result = tickets.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_route*regressed, failed*"])
    changes = [line for line in result.outlines if "the dataset changed" in line]
    assert [note in line for line in changes] == [True] * bool(note)


def test_new_rows_are_reported_apart(tickets: Tickets) -> None:
    """Their mean score stands beside the comparison of the others, which they don't dilute."""
    tickets.rows([*ROWS, *(row(n) for n in range(60, 90))])
    tickets.answers('f"team{n}" if n < 60 else "other"')
    result = tickets.run()
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines(
        [r".*the dataset changed: \d+ of the .* are the same; 30 new \(mean score 0.000\)"]
    )


@pytest.mark.parametrize("left", [9, 20])
def test_too_few_unchanged_rows_gate_nothing(tickets: Tickets, left: int) -> None:
    """Fewer than ten, or fewer than half of the baseline: NOT GATED, and red on request."""
    tickets.rows([*ROWS[:left], *(row(n) for n in range(100, 160))])
    tickets.answers(WRONG)
    result = tickets.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_route*NOT GATED*", "*fewer than half*"])
    for option in ("--lm-require-baseline", "--lm-gate=noninferior"):
        result = tickets.run(option)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*failed: NOT GATED (*", "*test_route*NOT GATED, failed*"])


def test_examples_that_a_pipeline_skips_are_missed(tickets: Tickets) -> None:
    """Skipping the rows that would fail leaves too little of the baseline to gate on."""
    tickets.answers('f"team{n}" if n % 5 == 0 else pytest.skip("hard")')
    tickets.run().stdout.fnmatch_lines(["*test_route*NOT GATED*"])


def test_another_metric_is_stale_as_a_whole(tickets: Tickets) -> None:
    """Its scores can't be compared with the accepted ones."""
    text = (tickets.path / "test_tickets.py").read_text()
    (tickets.path / "test_tickets.py").write_text(text.replace("exact_match", "contains"))
    result = tickets.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_route*NOT GATED*", "NOT GATED: stale (metric changed);*"])


@pytest.mark.parametrize("where", ["option", "configuration", "mark"])
def test_a_baseline_may_be_required(pytester: pytest.Pytester, where: str) -> None:
    """Option, configuration or mark turn a suite without a baseline red, and accepting does not."""
    tickets = Tickets(pytester)
    options = ["--lm-require-baseline"] if where == "option" else []
    if where == "configuration":
        pytester.makeini("[pytest]\nlm_require_baseline = yes\n")
    if where == "mark":
        tickets.answers('f"team{n}"', arguments=", require_baseline=True")
    result = tickets.run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NOT GATED (no baseline), and a baseline is required.*"])
    tickets.run(*options, "--lm-snapshot-update").assert_outcomes(passed=1)
    tickets.run(*options).assert_outcomes(passed=1)
    tickets.scores.unlink()
    tickets.snapshot.unlink()
    tickets.run(*options, "--no-lm-require-baseline").assert_outcomes(passed=1)


def cut_lines(text: str, count: int) -> str:
    """The first lines of a text."""
    return "".join(text.splitlines(keepends=True)[:count])


@pytest.mark.parametrize("lines", [1, 6, 60])
@pytest.mark.parametrize("gate", ["regression", "noninferior"])
def test_a_lost_part_of_the_table_is_an_error(tickets: Tickets, lines: int, gate: str) -> None:
    """The YAML file knows how many rows there are: neither gate passes over a cut table."""
    tickets.scores.write_text(cut_lines(tickets.scores.read_text(), lines))
    tickets.answers(WRONG)
    result = tickets.run(f"--lm-gate={gate}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*error: *test_route.scores.csv: its rows don't match *"])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("scores", r",1,$", ",0,"),
        ("scores", r",holdout,", ",dev,"),
        ("snapshot", r"  n: \d+\n", "  n: 3\n"),
        ("snapshot", r"  mean: 1.0\n", "  mean: 0.5\n"),
        ("snapshot", r"holdout_uses: 0\n", "holdout_uses: 1\n"),
    ],
)
def test_a_part_that_contradicts_the_other_is_an_error(
    tickets: Tickets, file: str, old: str, new: str
) -> None:
    """Scores, splits and uses stand in both files, so an edit or a bad merge of one shows."""
    path: Path = getattr(tickets, file)
    text, count = re.subn(old, new, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)
    result = tickets.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*error: *its rows don't match *"])


def test_a_table_cut_inside_a_quote_is_an_error(tickets: Tickets) -> None:
    """An id with a comma is quoted; the file ends before its second quote."""
    tickets.rows([{**each, "id": f"{each['id']},x"} for each in ROWS])
    tickets.accept()
    text = tickets.scores.read_text()
    tickets.scores.write_text(text[: text.rindex('"')])
    tickets.answers(WRONG)
    result = tickets.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*error: *test_route.scores.csv: malformed CSV*"])


def test_orphans_may_be_kept(tickets: Tickets) -> None:
    """A model matrix from the environment accepts one model without removing the others."""
    tickets.answers('f"team{n}"', name="test_other")
    tickets.run("--lm-snapshot-update", "--lm-orphans=keep").assert_outcomes(passed=1)
    assert tickets.snapshot.exists()
    tickets.run("--lm-snapshot-update").assert_outcomes(passed=1)
    assert not tickets.snapshot.exists()


def test_a_renamed_test_keeps_its_baseline(tickets: Tickets) -> None:
    """A suite with the dataset, metric and prompts of an orphan is gated by it, and moves it."""
    tickets.answers(WRONG, name="test_renamed")
    result = tickets.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*test_renamed*regressed, failed*", "*the baseline is that of *test_route.yaml, whose*"]
    )
    split = tickets.scores.read_text()
    tickets.answers('f"team{n}"', name="test_renamed")
    tickets.run().stdout.fnmatch_lines(["*test_renamed*holds*"])
    tickets.accept()
    assert not tickets.snapshot.exists()
    assert (tickets.scores.parent / "test_renamed.scores.csv").read_text() == split
    tickets.run().stdout.no_fnmatch_line("*the baseline is that of*")


def test_a_renamed_matrix_keeps_each_baseline(pytester: pytest.Pytester) -> None:
    """Of several suites over one dataset each finds its own baseline again."""
    tickets = Tickets(pytester)
    matrix = ", gate='regression')\n@pytest.mark.parametrize('kind', ['right', 'wrong']"
    text = 'f"team{n}" if kind == "right" else "other"'
    for name in ("test_route", "test_routing"):
        tickets.answers(text, arguments=matrix, name=name)
        path = tickets.path / "test_tickets.py"
        path.write_text(path.read_text().replace("(lm_example)", "(lm_example, kind)"))
        options = ["--lm-snapshot-update"] if name == "test_route" else []
        result = tickets.run(*options)
        result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*test_routing?right?*1.000*holds*", "*test_routing?wrong?*0.000*holds*"]
    )


def test_another_test_over_the_same_rows_is_not_taken_for_a_renamed_one(
    pytester: pytest.Pytester,
) -> None:
    """It has another metric, or shares too few rows with what is gone."""
    tickets = Tickets(pytester)
    tickets.accept()
    tickets.answers('f"team{n}"', name="test_other")
    tickets.rows([row(n) for n in range(50, 110)])
    tickets.run().stdout.fnmatch_lines(["*test_other*NOT GATED*"])


def test_a_changed_model_is_named_and_gated(project: Project, model: FunctionModel) -> None:
    """Like a changed prompt; and a replay says that it is the model that was never recorded."""
    model.answer_of = {
        "openai/simulated": lambda chat: chat[-1][1].upper(),
        "openai/another": lambda _: "nothing",
    }
    project.suite(examples=40)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    change = "the model (openai/simulated ? openai/another)"
    replayed = project.run("--lm-model=openai/another", "--lm-cache=replay")
    replayed.stdout.fnmatch_lines(
        ["error: no recordings for the changed model (openai/simulated ? openai/another): *"]
    )
    gated = project.run("--lm-model=openai/another")
    gated.assert_outcomes(failed=1)
    gated.stdout.fnmatch_lines(["*regressed, failed*", f"changed since the baseline: {change}*"])


def test_rows_that_leave_holdout_are_counted(tickets: Tickets) -> None:
    """Groups that were added later join rows of several splits; a line says what that costs."""
    tickets.rows([{**each, "group": f"g{n % 3}"} for n, each in enumerate(ROWS)])
    tickets.run().stdout.re_match_lines([r"  \d+ rows left holdout: train or dev has their .*"])


def test_kept_orphans_are_no_former_names(tickets: Tickets) -> None:
    """A matrix that accepts one model at a time is not compared with another model's scores."""
    tickets.answers(WRONG, name="test_other")
    result = tickets.run("--lm-orphans=keep")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_other*NOT GATED*"])
