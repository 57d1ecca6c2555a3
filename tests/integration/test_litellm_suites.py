"""Suites whose pipelines call litellm, as pytest runs them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

PIPELINE = """\
from litellm import completion


def ask(word):
    answer = completion(model="openai/shouting", messages=[{"role": "user", "content": word}])
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
def test_asked(lm_example):
    return ask(lm_example.inputs["word"])

def test_after():
    assert ask("word 0") == "WORD 0"
"""


@pytest.fixture
def asking(project: Project, openai_server: OpenAIServer) -> Project:
    """A project whose pipeline calls litellm, on a model that shouts; suites name no model."""
    openai_server.answer = lambda chat: chat[-1][1].upper()
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    project.write("pipeline.py", PIPELINE)
    project.write("test_words.py", TEST)
    return project


def test_a_suite_of_litellms_calls_is_a_suite_like_any(
    asking: Project, openai_server: OpenAIServer
) -> None:
    """Counted and replayed, its model in the snapshot; unmarked tests call litellm as ever."""
    first = asking.run("--lm-snapshot-update")
    first.assert_outcomes(passed=3)
    first.stdout.fnmatch_lines(["*test_asked *12 *1.000* 12 *"])
    assert openai_server.calls == 12 + 2
    (snapshot,) = (text for name, text in asking.files().items() if name.endswith(".yaml"))
    assert b"models:\n- localhost/shouting\n" in snapshot

    again = asking.run("--lm-cache=replay")
    again.assert_outcomes(passed=3)
    again.stdout.fnmatch_lines(["*test_asked *12 *1.000* 12 *100 %*"])
    assert openai_server.calls == 14 + 2

    asking.write("pipeline.py", PIPELINE.replace("openai/shouting", "openai/another"))
    asking.run("-k", "asked").stdout.fnmatch_lines(
        [
            "*test_asked *1.000*+0.000*inconclusive*",
            "changed since the baseline: the model (*shouting ? *another)*",
        ]
    )


def test_a_budget_that_does_not_suffice_stops_the_suite(
    asking: Project, openai_server: OpenAIServer
) -> None:
    """With the message any suite has; the tests around it are not concerned."""
    asking.write("test_words.py", TEST.replace("calls=12", "calls=5"))
    result = asking.run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["budget-stopped: *(5 calls) is used up*"])
    assert openai_server.calls == 5 + 2


@pytest.fixture
def both(asking: Project, openai_server: OpenAIServer) -> Project:
    """A pipeline of such a call and a prompt at temperature 0, which demos make better."""
    asking.write("pipeline.py", PIPELINE + PROMPT)
    mirror = (asking.path / "mirror.yaml").read_text(encoding="utf-8")
    asking.write("mirror.yaml", mirror + "model: openai/simulated\n")
    asking.write(
        "test_words.py",
        """\
import pytest
from pytest_lmopt import metrics
from pipeline import both

WORDS = [{"id": f"w{i}", "inputs": {"word": f"word {i}"}, "expected": f"WORD {i}"[::-1]}
         for i in range(80)]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match)
def test_asked(lm_example):
    return both(lm_example.inputs["word"])
""",
    )

    def answer(chat: Any) -> str:
        said = str(chat[-1][1])
        if "MIRROR" not in chat[0][1]:
            return said.upper()
        return said[::-1] if len(chat) > 2 or said.endswith(("1", "2", "3")) else "no idea"

    openai_server.answer = answer
    return asking


PROMPT = """

from pathlib import Path
from pytest_lmopt import Prompt

mirror = Prompt.load(Path(__file__).parent / "mirror.yaml")


def both(word):
    return mirror(loud=ask(word)).text
"""


@pytest.mark.slow
@pytest.mark.parametrize(("temperature", "draws"), [("None", 2), ("0", 1)])
def test_a_search_leaves_other_calls_alone_and_draws_a_winners_afresh_where_random(
    both: Project, openai_server: OpenAIServer, temperature: str, draws: int
) -> None:
    """Demos of its prompt come from runs that called litellm, too.

    The answers that won the selection were lucky ones, so those that vary are asked for anew.
    """
    text = (both.path / "pipeline.py").read_text()
    both.write("pipeline.py", text.replace("messages=", f"temperature={temperature}, messages="))
    result = both.run("--lm-optimize", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["*winner: bootstrap-*", "written: mirror.yaml"])
    asked = Counter(
        body["messages"][-1]["content"]
        for body in openai_server.requests
        if body["model"] == "shouting"
    )
    assert max(asked.values()) == draws
    assert list(asked.values()).count(draws) >= 40


def test_a_search_without_prompts_says_why_nothing_was_raced(
    asking: Project, openai_server: OpenAIServer
) -> None:
    """Nor is anything spent on train: the incumbent is judged, that is all."""
    text = TEST.replace('"split": "dev"', "").replace("range(12)", "range(60)")
    asking.write("test_words.py", text.replace("calls=12", "calls=400"))
    result = asking.run("--lm-optimize")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*no candidate was raced: the pipeline calls no Prompt, and only a Prompt can be changed"]
    )
    assert openai_server.calls < 60


def test_the_suites_model_answers_in_place_of_the_clients(
    asking: Project, openai_server: OpenAIServer
) -> None:
    """It gets the messages and tools that the client has sent, and replays."""
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    more = f"_skip_mcp_handler=True, tools=[{tool}], model="
    asking.write("pipeline.py", PIPELINE.replace("model=", more))
    for mode in ("auto", "replay"):
        only = asking.run(
            "test_words.py::test_asked", "--lm-model=openai/other", f"--lm-cache={mode}"
        )
        only.assert_outcomes(passed=1)
        assert openai_server.calls == 12
    for body in openai_server.requests:
        assert (body["model"], body["tools"]) == ("other", [tool])
        assert [message["role"] for message in body["messages"]] == ["user"]


def test_an_lm_of_the_users_own_answers_the_clients_chats(
    asking: Project, openai_server: OpenAIServer
) -> None:
    """It sees all of the request; embeddings still go to their provider."""
    asking.write(
        "conftest.py",
        """\
from pytest_lmopt import FunctionLM

def answer(request):
    (message,) = request.params["messages"]
    assert request.messages[-1].content == message["content"]
    return message["content"].upper()

def pytest_lmopt_lm():
    return FunctionLM(answer)
""",
    )
    embedding = """
    import litellm
    assert litellm.embedding("openai/vectors", input=[word]).data[0]["embedding"] == [1.0]
"""
    asking.write("pipeline.py", PIPELINE.replace("    answer", f"{embedding}    answer"))
    vector = {"object": "embedding", "index": 0, "embedding": [1.0]}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    openai_server.answer_at["/embeddings"] = lambda _: {"data": [vector], "usage": usage}
    asking.write("test_words.py", TEST.replace("calls=12", "calls=24"))
    only = asking.run("test_words.py::test_asked")
    only.assert_outcomes(passed=1)
    only.stdout.fnmatch_lines(["*test_asked *12 *1.000* 24 *"])
    assert {"input" in body for body in openai_server.requests} == {True}
