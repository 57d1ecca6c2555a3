"""``--lm-optimize``: a search inside the budget, confirmed on holdout."""

from __future__ import annotations

import json
import sys

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel

TWO_STEPS = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import two_steps

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}"[::-1]}
         for i in range(120)]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, budget=Budget(calls=1000))
def test_both(lm_example):
    return two_steps(lm_example.inputs["word"])
"""


TOGETHER = """\
from dataclasses import dataclass, replace
from pytest_lmopt.strategies.protocol import Proposal
from pytest_lmopt.suites.candidate import Candidate

@dataclass(frozen=True)
class Together:
    async def propose(self, history, bench):
        rounds = {name[0] for name in (t.proposal.candidate.name for t in history.trials)}
        if len(rounds) > 1:
            return ()
        found = []
        for name in ("2-worse",) if rounds else ("1-demos", "1-more demos", "1-alone"):
            states = {}
            for key, state in history.candidate.states.items():
                said = "SHOUT" if "worse" in name else "SHOUT carefully"
                demos = [{"word": f"{name} {n}", "loud": f"{name} {n}".upper()} for n in range(4)]
                shown = demos if "demos" in name else ()
                states[key] = replace(state, instruction=said, demos=tuple(shown))
            kind = "demos" if "demos" in name else ""
            candidate = Candidate(name=name, states=states)
            found.append(Proposal(candidate=candidate, reason="a test", kind=kind))
        return found

def pytest_lmopt_strategies():
    return {"together": lambda settings: Together()}
"""


@pytest.mark.parametrize("examples", [50, 150])
def test_of_equal_candidates_the_cheaper_is_adopted_and_a_perfect_one_ends_the_search(
    project: Project, model: FunctionModel, examples: int
) -> None:
    """An instruction alone that is right on all of dev, beside the same with four demos."""
    model.answer = SimulatedModel(base=0.3, bonus=0.7).answer
    project.write("conftest.py", TOGETHER)
    project.suite("budget=Budget(calls=900)", examples=examples)
    result = project.run("--lm-optimize=together", "--lm-report=json:report.json")
    (suite,) = json.loads((project.path / "report.json").read_text())["suites"]
    search = suite["search"]
    assert (search["winner"], search["accepted"]) == ("1-alone", True)
    dev = search["incumbent"]["n"]
    assert (search["trials"][0]["n"], search["trials"][0]["score"]) == (dev, 1.0)
    assert not any(trial["name"] == "2-worse" for trial in search["trials"])
    note = f"*nothing more was proposed once 1-alone was right on all {dev} dev examples*"
    result.stdout.fnmatch_lines([note])


def test_demos_that_help_are_found_and_confirmed(project: Project, model: FunctionModel) -> None:
    """Where demos raise the true accuracy from 30 to 70 %, the winner shows demos."""
    project.suite("budget=Budget(calls=500)", examples=120)
    result = project.run("--lm-optimize")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*winner: * (demos from *)",
            "*incumbent ? winner on holdout: 0.* ? 0.* on * examples",
            "*difference +0.*, 95 % interval [[]+0.*, +0.*[]], p = * (mid-p McNemar): improved",
            "*to accept it: pytest *--lm-optimize --lm-snapshot-update",
            "*--- a/shout.yaml",
            "*+++ b/shout.yaml",
            "*+  - {word: word*, loud: WORD*}",
        ]
    )
    assert model.calls <= 500


def test_every_step_of_a_pipeline_gets_demos_without_labels_for_it(
    project: Project, model: FunctionModel
) -> None:
    """Demos for the inner step come from runs whose final answer passed."""
    model.answer = SimulatedModel(base=0.4).answer
    project.write("test_both.py", TWO_STEPS)
    result = project.run("--lm-optimize")
    result.stdout.fnmatch_lines(["*: improved", "*+++ b/shout.yaml", "*+++ b/mirror.yaml"])


def test_demos_that_do_nothing_change_nothing(project: Project, model: FunctionModel) -> None:
    """Finding nothing better is green, and the prompts stay as they are."""
    model.answer = SimulatedModel(base=0.5, per_demo=0.0).answer
    project.suite("budget=Budget(calls=500)", examples=120)
    result = project.run("--lm-optimize", "--lm-snapshot-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*no candidate beat the incumbent on dev*"])
    assert "demos" not in (project.path / "shout.yaml").read_text()


def test_the_model_never_sees_a_call_more_than_the_budget(
    project: Project, model: FunctionModel
) -> None:
    """However small the budget, it is never exceeded, and the search still proves what it can."""
    project.suite("budget=Budget(calls=300)", examples=200)
    result = project.run("--lm-optimize")
    result.assert_outcomes(passed=1)
    assert model.calls <= 300
    result.stdout.fnmatch_lines(["*incumbent ? winner on holdout*"])


def test_a_budget_too_small_for_the_incumbent_is_an_error(
    project: Project, model: FunctionModel
) -> None:
    """When not even the incumbent can be judged, the suite is red and says what is lacking."""
    project.suite("budget=Budget(calls=20)", examples=200)
    result = project.run("--lm-optimize")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*budget of *test_shout (20 calls) is used up*more calls*"])
    assert model.calls <= 20


def test_repeating_a_search_pays_nothing_and_finds_the_same(
    project: Project, model: FunctionModel
) -> None:
    """The recordings replay it call by call, even where the budget was tight."""
    project.suite("budget=Budget(calls=300)", examples=200)
    reports = []
    for _ in range(2):
        project.run("--lm-optimize", "--lm-report=json:report.json")
        calls = model.calls
        (suite,) = json.loads((project.path / "report.json").read_text())["suites"]
        reports.append((suite["search"], suite["comparison"], suite["usage"]["calls"], calls))
    assert reports[0] == reports[1]


def test_baseline_measures_the_incumbent_only(project: Project, model: FunctionModel) -> None:
    """``--lm-optimize=baseline`` proposes nothing."""
    project.suite(examples=100)
    result = project.run("--lm-optimize=baseline")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*search: baseline, 0 candidates*", "*no candidate was raced*"])
    assert 0 < model.calls <= 100


def test_a_path_eaten_as_the_strategy_is_explained(project: Project) -> None:
    """``--lm-optimize tests/`` says how to write what was meant."""
    project.suite()
    result = project.run("--lm-optimize", "tests/")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*unknown strategy 'tests/'*write --lm-optimize=auto tests/*"])


def test_too_few_examples_to_split_is_said(project: Project, model: FunctionModel) -> None:
    """A search needs train, dev and holdout."""
    project.suite(examples=2)
    result = project.run("--lm-optimize")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*its 2 examples split into train/dev/holdout *about 50*"])
    assert model.calls == 0


def test_a_strategy_whose_library_is_missing_says_what_to_install(
    project: Project, model: FunctionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a usage error, before anything is spent."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    project.suite()
    result = project.run("--lm-optimize=mipro")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*'mipro' needs Optuna: pip install 'pytest-lmopt[[]mipro[]]'*"])
    assert model.calls == 0
