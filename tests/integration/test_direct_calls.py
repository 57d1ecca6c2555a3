"""Calls that pipelines make on litellm itself: metered, recorded, replayed, and left as they were."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import litellm
import pytest
from doubles.openai_server import Fault, OpenAIServer
from projects.shouting import Project

PIPELINE = """\
import functools
import litellm
from litellm import acompletion, completion

MODEL = "openai/direct"
held = functools.partial(completion, MODEL)


def messages(word):
    return [{"role": "system", "content": "SHOUT the word."}, {"role": "user", "content": word}]


def by_name(word):
    return completion(model=MODEL, messages=messages(word)).choices[0].message.content


def by_module(word):
    return litellm.completion(MODEL, messages(word), temperature=0)["choices"][0].message.content


def held_elsewhere(word):
    return held(messages(word)).choices[0].message.content


def streamed(word):
    chunks = completion(model=MODEL, messages=messages(word), stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def awaited(word):
    answer = await acompletion(model=MODEL, messages=messages(word))
    return answer.choices[0].message.content


async def awaited_stream(word):
    stream = await litellm.acompletion(model=MODEL, messages=messages(word), stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
"""

TEST = """\
import pytest
from pytest_lmopt import Budget, metrics
import pipeline

WORDS = [{{"id": f"w{{i}}", "inputs": {{"word": f"word {{i}}"}}, "expected": f"WORD {{i}}",
          "split": "dev"}} for i in range({examples})]

@pytest.mark.lm_suite(dataset=WORDS, metric=metrics.exact_match, {arguments})
{asynchronous}def test_direct(lm_example):
    return {asynchronous_call}pipeline.{function}(lm_example.inputs["word"])
"""


class DirectProject:
    """A project whose pipeline calls litellm itself."""

    def __init__(self, project: Project) -> None:
        self.run, self.write, self.path = project.run, project.write, project.path
        self.run_apart, self.files = project.run_apart, project.files
        project.write("pipeline.py", PIPELINE)

    def suite(self, function: str, arguments: str = "", *, examples: int = 20) -> None:
        """A suite of one of the pipeline's functions."""
        test = TEST.format(
            examples=examples,
            arguments=arguments,
            function=function,
            asynchronous="async " if function.startswith("await") else "",
            asynchronous_call="await " if function.startswith("await") else "",
        )
        self.write("test_direct.py", test)


@pytest.fixture
def direct(project: Project, openai_server: OpenAIServer) -> DirectProject:
    """The project, on a model that shouts what the user says."""
    openai_server.answer = lambda chat: chat[-1][1].upper()
    return DirectProject(project)


@pytest.mark.parametrize(
    "function",
    ["by_name", "by_module", "held_elsewhere", "streamed", "awaited", "awaited_stream"],
)
def test_a_direct_call_is_counted_recorded_and_replayed(
    direct: DirectProject, openai_server: OpenAIServer, function: str
) -> None:
    """However the pipeline got hold of litellm; the second run asks nothing, replay needs no key."""
    direct.suite(function, "threshold=1.0")
    first = direct.run()
    first.assert_outcomes(passed=1)
    first.stdout.fnmatch_lines(["*test_direct *20 *1.000* 20 *"])
    assert openai_server.calls == 20
    assert {body["model"] for body in openai_server.requests} == {"direct"}
    assert {bool(body.get("stream")) for body in openai_server.requests} == {"stream" in function}

    direct.run().stdout.fnmatch_lines(["*test_direct *1.000* 20 (20 replayed)*"])
    direct.run("--lm-cache=replay").assert_outcomes(passed=1)
    assert openai_server.calls == 20


def test_a_call_is_sent_as_the_pipeline_made_it(
    direct: DirectProject, openai_server: OpenAIServer
) -> None:
    """Nothing is added: no limit of tokens, no temperature, no other message."""
    direct.suite("by_name", examples=1)
    direct.run().assert_outcomes(passed=1)
    assert openai_server.requests == [
        {
            "model": "direct",
            "messages": [
                {"role": "system", "content": "SHOUT the word."},
                {"role": "user", "content": "word 0"},
            ],
        }
    ]


@pytest.mark.parametrize("function", ["by_name", "awaited", "streamed"])
def test_the_budget_holds_for_direct_calls(
    direct: DirectProject, openai_server: OpenAIServer, function: str
) -> None:
    """The server, which counts for itself, never sees one call more."""
    direct.suite(function, "budget=Budget(calls=7)")
    result = direct.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["budget-stopped: *(7 calls) is used up*"])
    assert openai_server.calls == 7


@pytest.mark.parametrize("limit", ["tokens=3000", "usd=0.0001"])
def test_tokens_and_dollars_are_reserved_where_the_call_sets_no_limit(
    direct: DirectProject, openai_server: OpenAIServer, limit: str
) -> None:
    """A limit is assumed for the account and not sent: two such calls can be afforded at once."""
    direct.write("pipeline.py", PIPELINE.replace("openai/direct", "openai/gpt-4o-mini"))
    direct.suite("by_name", f"budget=Budget({limit})")
    openai_server.answer = lambda _: "word " * 900
    direct.run().stdout.fnmatch_lines(["budget-stopped: *is used up*"])
    assert 1 <= openai_server.calls <= 3
    assert all("max_tokens" not in body for body in openai_server.requests)


@pytest.mark.parametrize("function", ["by_name", "awaited_stream"])
def test_a_rate_limit_that_passes_costs_only_time(
    direct: DirectProject, openai_server: OpenAIServer, function: str
) -> None:
    """Every attempt counts, and only ours are made, whatever retries the pipeline asks for."""
    direct.write("pipeline.py", PIPELINE.replace("messages(word)", "messages(word), num_retries=5"))
    direct.suite(function, "threshold=1.0")
    openai_server.fault = lambda call: Fault(status=429) if call in (2, 5) else None
    direct.run().assert_outcomes(passed=1)
    assert openai_server.calls == 22


TOOLS = """\
import json
import litellm

TOOLS = [{"type": "function", "function": {"name": "weather", "description": "weather in a place",
          "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}]


def agent(word):
    messages = [{"role": "user", "content": word}]
    while True:
        answer = litellm.completion(model="openai/direct", messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)  # an object of litellm's, as its guides do
        for call in message.tool_calls:
            place = json.loads(call.function.arguments)["place"]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": place.upper()})


def streaming_agent(word):
    stream = litellm.completion(model="openai/direct", tools=TOOLS, stream=True,
                                messages=[{"role": "user", "content": word}])
    answer = litellm.stream_chunk_builder(list(stream))
    (call,) = answer.choices[0].message.tool_calls
    return json.loads(call.function.arguments)["place"].upper()
"""


@pytest.mark.parametrize(("function", "calls"), [("agent", 2), ("streaming_agent", 1)])
def test_tool_calls_and_their_results_are_recorded_too(
    direct: DirectProject, openai_server: OpenAIServer, function: str, calls: int
) -> None:
    """The second step's request holds the first one's answer, and each has its recording."""

    def answer(chat: Any) -> str | dict[str, Any]:
        role, said = chat[-1]
        if role == "tool":
            return str(said)
        asked = {"name": "weather", "arguments": json.dumps({"place": said})}
        return {"tool_calls": [{"id": f"call {said}", "type": "function", "function": asked}]}

    openai_server.answer = answer
    direct.write("pipeline.py", TOOLS)
    direct.suite(function, "threshold=1.0")
    for options in ((), (), ("--lm-cache=replay",)):
        direct.run(*options).assert_outcomes(passed=1)
        assert openai_server.calls == calls * 20
    assert all(body["tools"][0]["function"]["name"] == "weather" for body in openai_server.requests)


def test_nothing_is_left_behind(direct: DirectProject, openai_server: OpenAIServer) -> None:
    """litellm's functions never change; what stood in for its dispatchers is gone afterwards."""
    home = importlib.import_module("litellm.chat_completions.dispatch")

    def state() -> list[object]:
        dispatchers = [home._DISPATCH, home._ADISPATCH, litellm.num_retries]
        return [litellm.completion, litellm.acompletion, *dispatchers, *sys.meta_path]

    before = state()
    direct.suite("by_name", "threshold=1.0")
    direct.run().assert_outcomes(passed=1)
    assert openai_server.calls == 20
    assert all(now is then for now, then in zip(state(), before, strict=True))


def test_unmarked_tests_call_litellm_as_ever(
    direct: DirectProject, openai_server: OpenAIServer
) -> None:
    """Before and after a suite: neither counted nor recorded."""
    direct.suite("by_name", "budget=Budget(calls=20)")
    text = (direct.path / "test_direct.py").read_text(encoding="utf-8")
    ordinary = "def test_{}():\n    assert pipeline.by_name('word 0') == 'WORD 0'\n"
    before, after = (ordinary.format(name) for name in ("before", "after"))
    direct.write("test_direct.py", text.replace("@pytest", before + "\n@pytest") + "\n" + after)
    direct.run().assert_outcomes(passed=3)
    assert openai_server.calls == 22


def test_litellm_may_be_imported_in_the_middle_of_a_run(
    direct: DirectProject, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first call is caught all the same, in a process that had not loaded it before."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    direct.write(
        "pipeline.py",
        """\
import sys
assert "litellm" not in sys.modules

def late(word):
    from litellm import completion
    return completion("openai/direct", [{"role": "user", "content": word}]).choices[0].message.content
""",
    )
    direct.suite("late", "budget=Budget(calls=3)")
    direct.run_apart("-p", "no:cacheprovider").stdout.fnmatch_lines(["budget-stopped: *3 calls*"])
    assert openai_server.calls == 3


def test_a_key_is_passed_on_but_never_written_down(
    direct: DirectProject, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the address of the endpoint; another key finds the same recordings."""
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    private = f'messages(word), api_base="{openai_server.url}", api_key="sk-private"'
    direct.write("pipeline.py", PIPELINE.replace("messages(word)", private))
    direct.suite("by_name", "threshold=1.0", examples=3)
    direct.run("-vv").assert_outcomes(passed=1)
    written = b"".join(file.read_bytes() for file in direct.path.glob(".lmopt/*"))
    assert b"sk-private" not in written
    assert openai_server.url.encode() not in written
    assert b"word 2" in written

    private = private.replace("sk-private", "sk-another")
    direct.write("pipeline.py", PIPELINE.replace("messages(word)", private))
    direct.run("--lm-cache=replay").assert_outcomes(passed=1)
    assert openai_server.calls == 3


CATCHING = """\
import litellm

def careful(word):
    messages = [{"role": "user", "content": word}]
    try:
        return litellm.completion(model="openai/direct", messages=messages).choices[0].message.content
    except litellm.BadRequestError:
        return word.upper()
    except litellm.InternalServerError:
        return word.upper()
"""


def test_a_refusal_reaches_the_pipeline_as_litellms_own_error(
    direct: DirectProject, openai_server: OpenAIServer
) -> None:
    """What handles it in production handles it here; it is not asked again."""
    direct.write("pipeline.py", CATCHING)
    direct.suite("careful", "threshold=1.0")
    openai_server.fault = lambda _: Fault(status=400)
    direct.run().assert_outcomes(passed=1)
    assert openai_server.calls == 20


def test_a_missing_answer_can_not_be_hidden(
    direct: DirectProject, openai_server: OpenAIServer
) -> None:
    """The pipeline may catch the error; the example stays without a score, the suite is red."""
    direct.write("pipeline.py", CATCHING)
    direct.suite("careful", examples=2)
    openai_server.fault = lambda _: Fault(status=500)
    result = direct.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: *have no answer*no answer after 4 attempts*"])
    assert openai_server.calls == 8


def test_a_fallback_of_the_calls_own_is_paid_for_like_any_call(
    direct: DirectProject, openai_server: OpenAIServer
) -> None:
    """A model that refuses is followed by the next one; together they keep to the budget."""
    more = 'messages(word), fallbacks=["openai/second"]'
    direct.write("pipeline.py", PIPELINE.replace("messages(word)", more))
    direct.suite("by_name", "threshold=1.0, budget=Budget(calls=8)", examples=4)
    openai_server.fault = lambda call: (
        Fault(status=400) if openai_server.requests[call - 1]["model"] == "direct" else None
    )
    direct.run().assert_outcomes(passed=1)
    assert openai_server.calls == 8
    direct.suite("by_name", "budget=Budget(calls=7)", examples=4)
    direct.run("--lm-cache=off").stdout.fnmatch_lines(["budget-stopped: *7 calls*"])
    assert openai_server.calls == 15


def test_snapshots_name_the_model_but_no_prompt(
    direct: DirectProject, openai_server: OpenAIServer
) -> None:
    """Another model makes the baseline stale, as it does for prompts."""
    direct.suite("by_name")
    direct.run("--lm-snapshot-update").assert_outcomes(passed=1)
    (snapshot,) = (text for name, text in direct.files().items() if name.endswith(".yaml"))
    assert b"model: openai/direct\n" in snapshot
    assert b"litellm:" not in snapshot
    direct.write("pipeline.py", PIPELINE.replace("openai/direct", "openai/another"))
    direct.run().stdout.fnmatch_lines(["*stale (model changed)*"])


def test_a_search_changes_the_prompts_and_leaves_direct_calls_alone(
    direct: DirectProject, openai_server: OpenAIServer
) -> None:
    """A pipeline may have both: the prompt's demos come from runs that called litellm too."""
    direct.write(
        "pipeline.py",
        PIPELINE
        + """
from pathlib import Path
from pytest_lmopt import Prompt

mirror = Prompt.load(Path(__file__).parent / "mirror.yaml")

def both(word):
    return mirror(loud=by_name(word)).text
""",
    )
    direct.suite("both", examples=60)
    test = (direct.path / "test_direct.py").read_text(encoding="utf-8")
    test = test.replace(', "expected": f"WORD {i}"', ', "expected": f"WORD {i}"[::-1]')
    direct.write("test_direct.py", test.replace('"split": "dev"', '"group": str(i)'))

    def answer(chat: Any) -> str:
        said = chat[-1][1]
        if "MIRROR" not in chat[0][1]:
            return str(said.upper())
        return str(said[::-1]) if len(chat) > 2 or said.endswith(("1", "2", "3")) else "no idea"

    openai_server.answer = answer
    result = direct.run("--lm-optimize")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*winner: bootstrap-*", "*+++ b/mirror.yaml"])
    result.stdout.no_fnmatch_line("*+++ b/*litellm*")
