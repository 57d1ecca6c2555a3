"""``--lm-budget`` and ``lm_prices``: what a whole session may spend."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

OTHER = "\n\ntest_other = pytest.mark.lm_suite()(test_shout)\n"


def _two_suites(project: Project) -> None:
    project.suite(examples=60)
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text + OTHER.replace("()(", "(dataset=WORDS[:50])("))


def test_all_suites_together_stay_within_it(project: Project, model: FunctionModel) -> None:
    """The first suite is judged, the second stopped, and the run is red."""
    _two_suites(project)
    result = project.run("--lm-budget=calls:50", "--lm-cache=off")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*the budget of the session (--lm-budget) (50 calls) is used up*"])
    result.stdout.no_fnmatch_line("*are recorded*")  # with --lm-cache=off they are not
    assert 40 < model.calls <= 50  # what was about to be asked when it ended is charged too


def test_what_is_recorded_costs_nothing(project: Project) -> None:
    """A second session with the same budget pays for the rest only."""
    _two_suites(project)
    project.run("--lm-budget=calls:50")
    project.run("--lm-budget=calls:50").assert_outcomes(passed=2)


def test_dollars_need_prices_which_the_user_may_give(
    project: Project, model: FunctionModel, litellm_imported: None
) -> None:
    """Unknown is not free: it is an error, until the configuration names a price."""
    project.suite(examples=60)
    refused = project.run("--lm-budget=usd:2")
    refused.stdout.fnmatch_lines(["*openai/simulated*has no price*"])
    assert model.calls == 0
    ini = (project.path / "tox.ini").read_text()
    project.write("tox.ini", f"{ini}lm_prices =\n    openai/simulated 10 20\n")
    paid = project.run("--lm-budget=usd:2")
    paid.assert_outcomes(passed=1)
    assert "unpriced" not in paid.stdout.str()
    too_little = project.run("--lm-budget=usd:0.01", "--lm-cache=off")
    too_little.stdout.fnmatch_lines(
        [
            "*the next call may cost up to $0.0*, more than the $0* left of the session "
            "(--lm-budget)'s budget; lower max_tokens or raise usd*"
        ]
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("5", "found '5'"),
        ("calls:many", "a whole number expected for calls, found 'many'"),
        ("calls:0", "Budget(calls=0): a positive whole number expected"),
        ("calls:5,calls:6", "found 'calls:6'"),
        ("euro:5", "found 'euro:5'"),
    ],
)
def test_a_budget_that_is_none_is_a_usage_error(project: Project, value: str, said: str) -> None:
    """It says what was found and what is expected."""
    result = project.run(f"--lm-budget={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*limits such as usd:2,calls:5000 expected*{said}*"])


@pytest.mark.parametrize("line", ["openai/m", "openai/m 1", "openai/m 1 x", "openai/m -1 2"])
def test_a_price_that_is_none_is_a_usage_error(project: Project, line: str) -> None:
    """A line names the model and two prices."""
    ini = (project.path / "tox.ini").read_text()
    project.write("tox.ini", f"{ini}lm_prices = {line}\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*lm_prices: MODEL INPUT OUTPUT expected*found '{line}'*"])
