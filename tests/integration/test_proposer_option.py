"""``--lm-proposer``: the model that writes proposals, metered like the pipeline's."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from doubles.function_model import FunctionModel
from doubles.openai_server import OpenAIServer
from doubles.simulated_proposer import SimulatedProposer, served
from projects.shouting import SHOUT, Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


@pytest.fixture
def proposing(model: FunctionModel) -> FunctionModel:
    """A model that answers both; the word "carefully" makes the pipeline's much better."""
    pipelines = SimulatedModel(base=0.3, bonus=0.6)
    model.answer = served(SimulatedProposer(adverbs=("carefully", "quickly")), pipelines.answer)
    return model


def asked(model: FunctionModel) -> Counter[str]:
    """How many calls each model got."""
    return Counter(request.model for request in model.requests)


def test_it_is_asked_by_its_name_and_its_calls_count(
    project: Project, proposing: FunctionModel
) -> None:
    """The pipeline's model stays what it was; the ledger has all calls, within the budget."""
    project.suite("budget=Budget(calls=220)")
    result = project.run(
        "--lm-optimize=opro", "--lm-proposer=openai/writer", "--lm-report=json:report.json"
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*search: opro, * candidates*",
            "*winner: opro-*",
            "*: improved",
            "*+  SHOUT it carefully*",
        ]
    )
    calls = asked(proposing)
    assert set(calls) == {"openai/simulated", "openai/writer"}
    assert calls["openai/writer"] >= 8
    assert calls.total() <= 220
    (suite,) = json.loads((project.path / "report.json").read_text())["suites"]
    assert suite["usage"]["calls"] == calls.total()
    (line,) = (
        line for line in project.run("--lm-ledger").outlines if line.startswith("test_words.py")
    )
    assert int(line.split("closed")[1].split()[0]) == calls.total()


def test_it_may_stand_in_the_configuration_and_the_option_wins(
    project: Project, proposing: FunctionModel
) -> None:
    """As ``lm_proposer``."""
    configured = "lm_model = openai/simulated\nlm_proposer = openai/configured\npythonpath = ."
    project.write("tox.ini", f"[pytest]\n{configured}\n")
    project.suite("budget=Budget(calls=80)", examples=50)
    project.run("--lm-optimize=coordinate")
    assert set(asked(proposing)) == {"openai/simulated", "openai/configured"}
    proposing.requests.clear()
    project.run("--lm-optimize=coordinate", "--lm-proposer=openai/given", "--lm-cache=refresh")
    assert set(asked(proposing)) == {"openai/simulated", "openai/given"}


def test_a_model_that_only_prompt_files_name_is_not_asked_and_the_report_says_so(
    project: Project, openai_server: OpenAIServer
) -> None:
    """It may be one of several; nothing is said of the packaged model, which is not in use."""
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    project.write("shout.yaml", "model: openai/files\n" + SHOUT)
    project.suite("budget=Budget(calls=200)", examples=50)
    said = " ".join(" ".join(project.run("--lm-optimize=opro").outlines).split())
    assert (
        "no model was asked for instructions: the suite names none, and those that only prompt "
        "files name are not asked, so --lm-proposer=MODEL must name one"
    ) in said
    assert "packaged" not in said
    assert {body["model"] for body in openai_server.requests} == {"files"}


def test_by_default_it_is_the_suites_own_model(project: Project, proposing: FunctionModel) -> None:
    """Nothing else needs to be said; a search repeated pays nothing."""
    project.suite("model='openai/own', budget=Budget(calls=200)", examples=50)
    first = project.run("--lm-optimize=mipro").outlines
    calls = asked(proposing)
    assert set(calls) == {"openai/own"}
    again = project.run("--lm-optimize=mipro").outlines
    assert asked(proposing) == calls
    winners = [[line for line in lines if "winner: " in line] for lines in (first, again)]
    assert winners[0] == winners[1] != []
