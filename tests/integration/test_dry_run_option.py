"""``--lm-dry-run``: the plan, and nothing else."""

from __future__ import annotations

import re

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project


def test_it_prints_examples_limits_and_the_detectable_effect(
    project: Project, model: FunctionModel
) -> None:
    """Nothing is run, asked or written."""
    project.suite("budget=Budget(calls=900, usd=0.5)", examples=200)
    result = project.run("--lm-optimize", "--lm-dry-run")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*lm plan*",
            "test_words.py::test_shout",
            "*200 examples: train *, dev *, holdout *; model openai/simulated",
            "*search (auto) at most: 900 calls, $0.5",
            "*examples can show a difference of about 0.*",
        ]
    )
    assert model.calls == 0
    assert not (project.path / ".lmopt").exists()


def test_with_a_baseline_it_knows_what_an_evaluation_costs(
    project: Project, model: FunctionModel
) -> None:
    """Calls and tokens are those of the accepted run."""
    project.suite()
    project.run("--lm-snapshot-update")
    result = project.run("--lm-dry-run")
    result.stdout.fnmatch_lines(["*evaluation of * examples: about * calls, * tokens, $0.0000*"])


def test_a_suite_that_could_not_be_run_is_part_of_the_plan(project: Project) -> None:
    """The plan says why, and the exit status is not that of a plan that would work."""
    project.suite("metrik=1")
    result = project.run("--lm-dry-run")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["test_words.py::test_shout", "  error: *test_shout: lm_suite has no argument 'metrik'*"]
    )


def test_it_is_refused_under_xdist(project: Project) -> None:
    """Workers would have to be started to find out what they would do."""
    project.suite()
    result = project.run("--lm-dry-run", "-n", "2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--lm-dry-run runs nothing, so it takes no workers*"])


@pytest.mark.parametrize("mark", ["budget=Budget(calls=40)", ""])
def test_it_warns_of_a_budget_that_can_not_suffice(project: Project, mark: str) -> None:
    """Before anything is spent: the suite's own, or the session's, which all suites share."""
    project.suite(mark, examples=100)
    options = [] if mark else ["--lm-budget=calls:40"]
    owner = "test_words.py::test_shout" if mark else "the session (--lm-budget)"
    result = project.run("--lm-dry-run", *options)
    result.stdout.fnmatch_lines(
        [f"warning: the budget of {owner} (40 calls) is too small: judging alone takes about ?? *"]
    )
    project.suite("budget=Budget(calls=100)", examples=100)
    assert "too small" not in project.run("--lm-dry-run").stdout.str()


def test_with_a_baseline_it_knows_how_many_calls_and_tokens_that_is(
    project: Project, model: FunctionModel
) -> None:
    """A pipeline of two steps needs twice the calls."""
    project.suite(examples=60)
    text = (project.path / "test_words.py").read_text().replace("one_step", "two_steps")
    project.write("test_words.py", text)
    project.run("--lm-snapshot-update")
    told = project.run("--lm-dry-run", "--lm-budget=calls:50,tokens:50").stdout.str()
    assert re.search(r"too small: judging alone takes about [678]\d calls, less", told)
    assert re.search(r"too small: judging alone takes about [\d,]+ tokens, less", told)


def test_it_plans_with_the_splits_that_a_run_would_draw(
    project: Project, model: FunctionModel
) -> None:
    """Those of the snapshot, or of ``--lm-resplit``, with the uses of their rows in either."""
    project.suite("budget=Budget(calls=500)", examples=120)
    dry = ("--lm-optimize", "--lm-dry-run")
    plain = project.run(*dry).stdout.str()
    drawn = project.run(*dry, "--lm-resplit=7").stdout.str()
    sizes = re.compile(r": (train \d+, dev \d+, holdout \d+);")
    assert sizes.findall(plain) != sizes.findall(drawn)
    assert "at p < 0.0500" in drawn
    project.run("--lm-resplit=7", "--lm-snapshot-update")
    snapshot = project.path / "__lm_snapshots__/test_words/test_shout.yaml"
    snapshot.write_text(snapshot.read_text().replace("holdout_uses: 0", "holdout_uses: 3"))
    table = snapshot.with_suffix(".scores.csv")
    table.write_text(table.read_text().replace(",holdout,,", ",holdout,w1 w2 w3,"))
    for options, expected in (((), drawn), (("--lm-resplit=0",), plain)):
        output = project.run(*dry, *options).stdout.str()
        assert sizes.findall(output) == sizes.findall(expected)
        assert "at p < 0.0050" in output
