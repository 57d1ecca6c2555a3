"""What a provider reports of its usage is charged as far as it can be right, and else named."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from doubles.openai_server import Fault, OpenAIServer
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat

CLIENTS = """\
from litellm import completion

def one_step(word):
    answer = completion(model="openai/reporting", max_tokens=100, {more}
                        messages=[{{"role": "user", "content": word}}])
    return {text}
"""
BLOCKING = CLIENTS.format(more="", text="answer.choices[0].message.content")
STREAMED = CLIENTS.format(
    more="stream=True, stream_options={'include_usage': True},",
    text="''.join(chunk.choices[0].delta.content or '' for chunk in answer if chunk.choices)",
)
NO_MODEL = "[pytest]\npythonpath = .\n"
MISSING = object()


def reporting(server: OpenAIServer, *usages: Any) -> None:
    """Have the server shout, and report these usages in turn."""

    def fault(number: int) -> Fault:
        usage = usages[number % len(usages)]

        def body(completion: dict[str, Any]) -> str:
            sent = {**completion, "usage": usage}
            if usage is MISSING:
                del sent["usage"]
            return json.dumps(sent)

        return Fault(body=body)

    server.answer = shout
    server.fault = fault


def shout(chat: Chat) -> str:
    """The word in capitals."""
    return chat[-1][1].rpartition(" ")[2].upper()


def counts(into: Any, out: Any, **more: Any) -> dict[str, Any]:
    """A usage with the right sum, where there is one."""
    right = type(into) is int and type(out) is int
    return {
        "prompt_tokens": into,
        "completion_tokens": out,
        **({"total_tokens": into + out} if right else {}),
        **more,
    }


ODD = {
    "negative": counts(-1_000_000, 5),
    "negative output": counts(5, -1_000_000),
    "huge": counts(10**20, 5),
    "more than a book can hold": counts(2**63, 2**63),
    "a fraction": counts(1.5, 5),
    "a whole fraction": counts(5.0, 5),
    "not a number": counts(float("nan"), 5),
    "endless": counts(float("inf"), 5),
    "a switch": counts(True, 5),
    "digits": counts("5", 5),
    "words": counts("many", 5),
    "a list": counts([5], 5),
    "none": counts(None, 5),
    "one missing": {"completion_tokens": 5, "total_tokens": 5},
    "nothing": {},
    "null": None,
    "missing": MISSING,
    "zero": counts(0, 0),
    "another sum": counts(5, 5, total_tokens=99),
    "more cached than read": counts(5, 5, prompt_tokens_details={"cached_tokens": 6}),
    "more thought than said": counts(5, 5, completion_tokens_details={"reasoning_tokens": 6}),
    "words in the details": counts(5, 5, prompt_tokens_details={"cached_tokens": "many"}),
}
REJECTED = ("a fraction", "not a number", "endless", "words", "a list", "words in the details")
"""litellm itself takes these for no answer."""


def test_a_usage_that_can_not_be_is_charged_at_the_bound_and_the_answer_counts(
    project: Project, openai_server: OpenAIServer
) -> None:
    """The report names the model, what was found and what was charged; a budget is neither
    refilled nor emptied, and what was recorded is not paid for again.
    """
    project.suite("threshold=1.0, budget=Budget(tokens=100_000)", examples=2 * len(ODD))
    reporting(openai_server, *ODD.values())
    result = project.run("--lm-concurrency=1")
    result.assert_outcomes(passed=1)
    asked = openai_server.calls
    assert asked > len(ODD)
    result.stdout.fnmatch_lines(
        [
            "note: test_words.py::test_shout: openai/simulated reported a usage that can't be "
            f"right for {asked} calls (the first: *tokens -1,000,000, expected 0 to *, "
            "1,0[0-9][0-9] tokens reserved); charged as reserved",
        ]
    )
    with closing(sqlite3.connect(project.path / ".lmopt/ledger.sqlite")) as book:
        ((tokens,),) = book.execute("SELECT tokens FROM accounts")
    assert asked * (1024 + 40) < tokens < asked * (1024 + 60)
    replayed = project.run()
    replayed.assert_outcomes(passed=1)
    assert "note: " not in replayed.stdout.str()
    assert openai_server.calls == asked


def test_a_negative_usage_does_not_refill_a_budget(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Each call is charged about 1,050 tokens: the third does not fit into 3,000."""
    project.suite("budget=Budget(tokens=3_000)", examples=34)
    reporting(openai_server, counts(-1_000_000, 5))
    result = project.run("--lm-concurrency=1")
    result.assert_outcomes(failed=1)
    assert openai_server.calls == 2


def test_a_usage_above_the_reservation_is_charged_as_reported(
    project: Project, openai_server: OpenAIServer
) -> None:
    """The model may have read more than we sent, such as a system prompt of its provider's."""
    project.suite("budget=Budget(tokens=60_000)", examples=34)
    reporting(openai_server, counts(20_000, 5))
    result = project.run("--lm-concurrency=1")
    result.assert_outcomes(failed=1)
    assert openai_server.calls == 3
    result.stdout.fnmatch_lines(
        [
            "note: *: openai/simulated reported more than was reserved for 3 calls (the first: "
            "20,005 tokens, 1,0[0-9][0-9] tokens reserved); charged as reported"
        ]
    )


def test_calls_of_clients_are_charged_alike(project: Project, openai_server: OpenAIServer) -> None:
    """Whatever the pipeline is given."""
    odd = [usage for name, usage in ODD.items() if name not in REJECTED]
    project.write("tox.ini", NO_MODEL)
    project.write("pipeline.py", BLOCKING)
    project.suite("threshold=1.0, budget=Budget(tokens=50_000)", examples=3 * len(odd))
    reporting(openai_server, *odd)
    result = project.run("--lm-concurrency=1")
    result.assert_outcomes(passed=1)
    asked = openai_server.calls
    assert asked > len(odd)
    result.stdout.fnmatch_lines(
        [f"note: *: localhost/reporting reported a usage that can't be right for {asked} calls (*"]
    )


def test_a_streams_usage_is_charged_by_the_same_rule(
    project: Project, openai_server: OpenAIServer
) -> None:
    """It comes with the last chunk."""
    project.write("tox.ini", NO_MODEL)
    project.write("pipeline.py", STREAMED)
    project.suite("threshold=1.0, budget=Budget(tokens=20_000)", examples=10)
    openai_server.answer = shout
    openai_server.streamed_usage = counts(-1_000_000, 5)
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["note: *: localhost/reporting reported a usage that can't be right for * calls (*"]
    )


def test_what_litellm_takes_for_no_answer_is_never_scored(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Each attempt stays charged as it was reserved."""
    project.suite("budget=Budget(calls=2)", examples=1)
    reporting(openai_server, [])
    result = project.run("--lm-engine=litellm")
    result.assert_outcomes(failed=1)
    assert "wrong" not in result.stdout.str()
    assert openai_server.calls == 2
