"""``pytest_lmopt_lm``: a ``conftest.py`` offers the LM of its suites."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path

import pytest
from projects.shouting import Project

CONFTEST = """\
import sys
from pytest_lmopt import FunctionLM
from pytest_lmopt.testing import SimulatedModel

model = SimulatedModel(base=0.2, per_demo=0.2)

def answer(request):
    if request.messages[0].content.startswith("Rate"):
        return "5" if request.messages[-1].content.isupper() else "1"
    return model.answer(request.messages)

def pytest_lmopt_lm(config):
    return FunctionLM(answer)

def pytest_unconfigure(config):
    print("litellm imported:", "litellm" in sys.modules)
"""

JUDGED = """

RUBRIC = Prompt(name="rubric", instruction="Rate it from 1 to 5.", inputs=["prediction"],
                output="score")

@pytest.mark.lm_suite(dataset=WORDS[:20], metric=metrics.Judge(RUBRIC, scale=(1, 5)))
def test_judged(lm_example):
    return one_step(lm_example.inputs["word"])
"""

OFFER = "from pytest_lmopt import FunctionLM\n\ndef pytest_lmopt_lm():\n    return {}\n"
SAYING = "FunctionLM(lambda request: {!r})"


@pytest.fixture
def own(pytester: pytest.Pytester) -> Project:
    """A project with a suite, and no other model than what its ``conftest.py`` offers."""
    project = Project(pytester)
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    project.suite()
    return project


def _model_in(folder: Path) -> str:
    (snapshot,) = folder.glob("__lm_snapshots__/*/*.yaml")
    _, _, after = snapshot.read_text(encoding="utf-8").partition("models:\n- ")
    return after.splitlines()[0]


def test_a_suite_a_search_and_a_judge_need_neither_server_nor_litellm(own: Project) -> None:
    """Nor the name of a model."""
    own.suite("budget=Budget(calls=500)", examples=120)
    text = (own.path / "test_words.py").read_text(encoding="utf-8")
    own.write("test_words.py", text.replace("import Budget", "import Budget, Prompt") + JUDGED)
    own.write("conftest.py", CONFTEST)
    result = own.run_apart("--lm-optimize=bootstrap", "-k", "shout")
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["*: improved", "*litellm imported: False"])
    judged = own.run_apart("-k", "judged")
    judged.assert_outcomes(passed=1, deselected=1)
    judged.stdout.fnmatch_lines(["*test_judged * 1[0-9]? *", "*litellm imported: False"])


def test_workers_ask_the_model_of_their_own_conftest(own: Project) -> None:
    """Each process makes one; the requests of all are charged to one budget."""
    own.answer_apart("SimulatedModel(base=1.0).answer")
    own.suite("budget=Budget(calls=60), threshold=1.0")
    result = own.run("-n2")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*test_shout * 1.000 * {own.asked_apart} *"])


def test_budget_and_replay_hold_for_it(own: Project) -> None:
    """As for every model: what is recorded is not asked, what is not paid for neither."""
    own.answer_apart()
    own.suite("budget=Budget(calls=5)")
    own.run().stdout.fnmatch_lines(["budget-stopped: *"])
    assert own.asked_apart == 5
    own.suite()
    own.run().assert_outcomes(passed=1)
    asked = own.asked_apart
    own.run("--lm-cache=replay").assert_outcomes(passed=1)
    assert own.asked_apart == asked


def test_the_closest_conftest_answers_a_suite(own: Project) -> None:
    """One that returns None leaves it to the next."""
    own.write("conftest.py", OFFER.format(SAYING.format("of the root")))
    own.suite("threshold=1.0")
    test = (own.path / "test_words.py").read_text(encoding="utf-8")
    folders = {"a": SAYING.format("of a"), "b": "None"}
    for folder, offered in folders.items():
        (own.path / folder).mkdir()
        own.write(f"{folder}/conftest.py", OFFER.format(offered))
        said = "of a" if folder == "a" else "of the root"
        own.write(f"{folder}/test_{folder}.py", test.replace('f"WORD{i}"', f'"{said}"'))
    # under one name the three would share recordings
    own.run("a", "b", "--lm-cache=off").assert_outcomes(passed=2)


def test_the_snapshot_names_the_hook_unless_the_configuration_names_a_model(own: Project) -> None:
    """A change of that name is then a change of the model, as ever; ``none`` takes it back."""
    own.write("conftest.py", OFFER.format(SAYING.format("well")))
    for option, name in (
        ("--lm-model=none", "pytest_lmopt_lm/????????"),
        ("--lm-model=gateway/large", "gateway/large"),
    ):
        own.run("--lm-snapshot-update", option).assert_outcomes(passed=1)
        assert fnmatch(_model_in(own.path), name)


def test_a_changed_fake_is_another_model(own: Project) -> None:
    """Its recordings are its own: neither a gate nor a baseline rests on what the old one said."""
    own.write("conftest.py", OFFER.format("FunctionLM(lambda r: r.messages[-1].content.upper())"))
    own.run("--lm-snapshot-update").assert_outcomes(passed=1)
    own.run().stdout.fnmatch_lines(["*test_shout * 1.000 * holds * 100 %*"])
    own.write("conftest.py", OFFER.format("FunctionLM(lambda r: r.messages[-1].content.lower())"))
    broken = own.run()
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines(
        ["*test_shout * 0.000 * regressed, failed * 0 %*", "*changed*the model*"]
    )
    replayed = own.run("--lm-cache=replay")
    replayed.assert_outcomes(failed=1)
    own.write("conftest.py", OFFER.format("FunctionLM(lambda r: r.messages[-1].content.upper())"))
    own.run().stdout.fnmatch_lines(["*test_shout * 1.000 * holds * 100 %*"])


PRICED = """
from pytest_lmopt import Completion, Usage

class Gateway:
    async def complete(self, request):
        return Completion(text="no", usage=Usage(input_tokens=50, output_tokens=500))

def pytest_lmopt_lm():
    return Gateway()
"""


@pytest.mark.parametrize("model", [(), ("--lm-model=gateway/m",)], ids=["unnamed", "named"])
def test_a_dollar_limit_counts_the_tokens_that_it_reports(own: Project, model: list[str]) -> None:
    """At the price of ``lm_prices``: a call costs 1.05 dollars, and may cost 2.10."""
    own.write("conftest.py", PRICED)
    price = f"--lm-prices={'gateway/m' if model else 'pytest_lmopt_lm'} 1000 2000"
    options = ("--lm-budget=usd:10", "--lm-concurrency=1", "--lm-report=json:r.json")
    result = own.run(price, *options, *model)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  charged to the budget: 8 calls, $8.4000 of $10 *"])
    own.run(price, *options, *model, "--lm-budget=none", "--lm-cache=off").assert_outcomes(passed=1)
    (suite,) = json.loads((own.path / "r.json").read_text(encoding="utf-8"))["suites"]
    assert suite["usage"]["micro_usd"] == 1_050_000 * suite["usage"]["calls"] > 0


@pytest.mark.parametrize(
    ("offered", "outcome", "problem"),
    [
        ("'gpt-4o'", "errors", "*error: the hook * returned no LM: an object with *'gpt-4o'*"),
        ("1 / 0", "errors", "*error: *test_shout: the hook * raised ZeroDivisionError*"),
        (
            "FunctionLM(lambda request: 1 / 0)",
            "failed",
            "error: the LM FunctionLM of the hook pytest_lmopt_lm raised ZeroDivisionError*",
        ),
    ],
)
def test_what_is_wrong_with_it_is_an_error_of_the_suite(
    own: Project, offered: str, outcome: str, problem: str
) -> None:
    """Red, and never scored."""
    own.write("conftest.py", OFFER.format(offered))
    result = own.run()
    result.assert_outcomes(**{outcome: 1})
    result.stdout.fnmatch_lines([problem])
