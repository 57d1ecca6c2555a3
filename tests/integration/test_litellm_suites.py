"""Suites whose pipelines call litellm itself, as pytest runs them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

PIPELINE = """\
from litellm import completion


def ask(word):
    answer = completion(model="openai/direct", messages=[{"role": "user", "content": word}])
    return answer.choices[0].message.content
"""

TEST = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import ask

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word {i}"}, "expected": f"WORD {i}",
          "split": "dev"} for i in range(12)]

def test_before():
    assert ask("word 0") == "WORD 0"

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, threshold=1.0,
                      budget=Budget(calls=12))
def test_direct(lm_example):
    return ask(lm_example.inputs["word"])

def test_after():
    assert ask("word 0") == "WORD 0"
"""


@pytest.fixture
def direct(project: Project, openai_server: OpenAIServer) -> Project:
    """A project whose pipeline calls litellm itself, on a model that shouts."""
    openai_server.answer = lambda chat: chat[-1][1].upper()
    project.write("pipeline.py", PIPELINE)
    project.write("test_direct.py", TEST)
    return project


def test_a_suite_of_direct_calls_is_a_suite_like_any(
    direct: Project, openai_server: OpenAIServer
) -> None:
    """Counted and replayed, its model in the snapshot; unmarked tests call litellm as ever."""
    first = direct.run("--lm-snapshot-update")
    first.assert_outcomes(passed=3)
    first.stdout.fnmatch_lines(["*test_direct *12 *1.000* 12 *"])
    assert openai_server.calls == 12 + 2
    (snapshot,) = (text for name, text in direct.files().items() if name.endswith(".yaml"))
    assert b"models:\n- openai/direct\n" in snapshot
    assert b"litellm:" not in snapshot

    again = direct.run("--lm-cache=replay")
    again.assert_outcomes(passed=3)
    again.stdout.fnmatch_lines(["*test_direct *12 *1.000* 12 *100 %*"])
    assert openai_server.calls == 14 + 2

    direct.write("pipeline.py", PIPELINE.replace("openai/direct", "openai/another"))
    direct.run("-k", "direct").stdout.fnmatch_lines(
        [
            "*test_direct *1.000*+0.000*inconclusive*",
            "changed since the baseline: the model (*direct ? *another)*",
        ]
    )


def test_a_budget_that_does_not_suffice_stops_the_suite(
    direct: Project, openai_server: OpenAIServer
) -> None:
    """With the message any suite has; the tests around it are not concerned."""
    direct.write("test_direct.py", TEST.replace("calls=12", "calls=5"))
    result = direct.run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["budget-stopped: *(5 calls) is used up*"])
    assert openai_server.calls == 5 + 2


@pytest.fixture
def both(direct: Project, openai_server: OpenAIServer) -> Project:
    """A pipeline of a direct call and a prompt at temperature 0, which demos make better."""
    direct.write("pipeline.py", PIPELINE + PROMPT)
    direct.write(
        "test_direct.py",
        """\
import pytest
from pytest_lmopt import metrics
from pipeline import both

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word {i}"}, "expected": f"WORD {i}"[::-1]}
         for i in range(80)]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
def test_direct(lm_example):
    return both(lm_example.inputs["word"])
""",
    )

    def answer(chat: Any) -> str:
        said = str(chat[-1][1])
        if "MIRROR" not in chat[0][1]:
            return said.upper()
        return said[::-1] if len(chat) > 2 or said.endswith(("1", "2", "3")) else "no idea"

    openai_server.answer = answer
    return direct


PROMPT = """

from pathlib import Path
from pytest_lmopt import Prompt

mirror = Prompt.load(Path(__file__).parent / "mirror.yaml")


def both(word):
    return mirror(loud=ask(word)).text
"""


@pytest.mark.slow
def test_a_search_changes_the_prompts_and_leaves_direct_calls_alone(both: Project) -> None:
    """A pipeline may have both: demos of its prompt come from runs that called litellm too."""
    result = both.run("--lm-optimize")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*winner: bootstrap-*", "*+++ b/mirror.yaml"])


@pytest.mark.slow
@pytest.mark.parametrize(("temperature", "draws"), [("None", 2), ("0", 1)])
def test_a_winners_direct_calls_are_drawn_afresh_where_they_are_random(
    both: Project, openai_server: OpenAIServer, temperature: str, draws: int
) -> None:
    """As a prompt's are: the answers that won the selection were lucky ones."""
    text = (both.path / "pipeline.py").read_text()
    both.write("pipeline.py", text.replace("messages=", f"temperature={temperature}, messages="))
    result = both.run("--lm-optimize", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["written: mirror.yaml"])
    asked = Counter(
        body["messages"][-1]["content"]
        for body in openai_server.requests
        if body["model"] == "direct"
    )
    assert max(asked.values()) == draws
    assert list(asked.values()).count(draws) >= 40


def test_a_search_without_prompts_says_why_nothing_was_raced(
    direct: Project, openai_server: OpenAIServer
) -> None:
    """Nor is anything spent on train: the incumbent is judged, that is all."""
    text = TEST.replace('"split": "dev"', "").replace("range(12)", "range(60)")
    direct.write("test_direct.py", text.replace("calls=12", "calls=400"))
    result = direct.run("--lm-optimize")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*no candidate was raced: the pipeline calls no Prompt, and only a Prompt can be changed"]
    )
    assert openai_server.calls < 60


def test_a_suite_of_tool_calls_needs_no_further_package(
    direct: Project, openai_server: OpenAIServer
) -> None:
    """litellm imports ``mcp`` for any tool, and does not require it."""
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    direct.write("pipeline.py", PIPELINE.replace("model=", f"tools=[{tool}], model="))
    only = direct.run("test_direct.py::test_direct", "--lm-cache=off")
    only.assert_outcomes(passed=1)
    assert all(body["tools"] == [tool] for body in openai_server.requests)
    assert openai_server.calls == 12
