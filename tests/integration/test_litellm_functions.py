"""litellm's other functions: embeddings, responses, text completions, messages and images."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import litellm
import pytest
from doubles.openai_server import OpenAIServer
from projects.litellm_runs import (
    MODEL,
    WORDS,
    Session,
)

from pytest_lmopt import Budget
from pytest_lmopt.errors import BudgetExhaustedError
from pytest_lmopt.lm.dialects import providers

NEEDS_MCP = pytest.mark.skipif(
    version("litellm") < "1.11" and importlib.util.find_spec("mcp") is None,
    reason="litellm 1.106 imports the package mcp for responses",
)


def embedded(word: str) -> Any:
    """Asks for an embedding."""
    return litellm.embedding("openai/vectors", input=[word]).data[0]["embedding"]


async def aembedded(word: str) -> Any:
    """Asks for one in async code."""
    answer = await litellm.aembedding("openai/vectors", input=[word])
    return answer.data[0]["embedding"]


def continued(word: str) -> Any:
    """The text protocol of old."""
    return litellm.text_completion(model=MODEL, prompt=word).choices[0].text


def responded(word: str) -> Any:
    """OpenAI's newer protocol."""
    return litellm.responses(model=MODEL, input=word).output[0].content[0].text


async def aresponded(word: str) -> Any:
    """OpenAI's newer protocol in async code."""
    answer = await litellm.aresponses(model=MODEL, input=word)
    return answer.output[0].content[0].text


async def messaged(word: str) -> Any:
    """Anthropic's protocol."""
    answer: Any = await litellm.anthropic.messages.acreate(
        max_tokens=5, messages=[{"role": "user", "content": word}], model="anthropic/claude"
    )
    return answer["content"][0]["text"]


def pictured(word: str) -> Any:
    """A picture, of a protocol that only its provider's host makes known."""
    return litellm.image_generation(prompt=word, model="openai/gpt-image-1").data[0].b64_json


def answers(text: Callable[[str], Any]) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """What the provider answers, by path; ``text`` is of what was asked."""

    def embedding(body: dict[str, Any]) -> dict[str, Any]:
        vector = {"object": "embedding", "index": 0, "embedding": [float(len(body["input"][0]))]}
        usage = {"prompt_tokens": 2, "total_tokens": 2}
        return {"object": "list", "model": body["model"], "data": [vector], "usage": usage}

    def continuation(body: dict[str, Any]) -> dict[str, Any]:
        choice = {"index": 0, "text": text(str(body["prompt"])), "logprobs": None}
        usage = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
        head = {"id": "cmpl", "object": "text_completion", "created": 0, "model": body["model"]}
        return {**head, "choices": [{**choice, "finish_reason": "stop"}], "usage": usage}

    def response(body: dict[str, Any]) -> dict[str, Any]:
        part = {"type": "output_text", "text": text(str(body["input"])), "annotations": []}
        said = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
        usage = {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}
        return {
            **{"id": "resp", "object": "response", "created_at": 0, "status": "completed"},
            **{"model": body["model"], "output": [{**said, "content": [part]}], "tools": []},
            **{"parallel_tool_calls": True, "tool_choice": "auto", "usage": usage},
        }

    def message(body: dict[str, Any]) -> dict[str, Any]:
        said = body["messages"][-1]["content"]
        said = said if isinstance(said, str) else said[0]["text"]
        return {
            **{"id": "msg", "type": "message", "role": "assistant", "model": body["model"]},
            **{"content": [{"type": "text", "text": text(said)}], "stop_reason": "end_turn"},
            **{"stop_sequence": None, "usage": {"input_tokens": 2, "output_tokens": 1}},
        }

    def picture(body: dict[str, Any]) -> dict[str, Any]:
        usage = {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}
        details = {"text_tokens": 2, "image_tokens": 0}
        data = [{"b64_json": text(body["prompt"])}]
        return {"created": 0, "data": data, "usage": {**usage, "input_tokens_details": details}}

    return {
        "/embeddings": embedding,
        "/chat/completions": lambda body: pytest.fail(f"a chat was asked: {body}"),
        "/completions": continuation,
        "/responses": response,
        "/messages": message,
        "/images/generations": picture,
    }


@pytest.mark.parametrize(
    ("pipeline", "named"),
    [
        (embedded, "openai.embeddings:localhost/vectors"),
        (aembedded, "openai.embeddings:localhost/vectors"),
        (continued, "openai.completions:localhost/shouting"),
        pytest.param(responded, "openai.responses:localhost/shouting", marks=NEEDS_MCP),
        pytest.param(aresponded, "openai.responses:localhost/shouting", marks=NEEDS_MCP),
        (messaged, "anthropic.messages:localhost/claude"),
        (pictured, "opaque:openai/gpt-image-1"),
    ],
)
def test_litellms_other_functions_are_served_too(
    session: Session,
    server: OpenAIServer,
    pipeline: Callable[[str], Any],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted, recorded, traced and replayed, within the budget."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-simulated")
    monkeypatch.setenv("ANTHROPIC_API_BASE", server.url.removesuffix("/v1"))
    if pipeline is pictured:
        monkeypatch.setitem(providers._HOSTS, "127.0.0.1", "openai")
    server.answer_at = answers(str.upper)
    expected = [[float(len(word))] if "vectors" in named else word.upper() for word in WORDS[:3]]
    for mode, asked in (("auto", 3), ("replay", 0)):
        before = server.calls
        runs = session.run(pipeline, words=WORDS[:3], mode=mode)  # type: ignore[arg-type]

        assert [run.prediction for run in runs] == expected
        assert (server.calls - before, session.ledger.calls) == (asked, asked)
        for run in runs:
            (call,) = run.trace
            assert (call.prompt, call.error) == (named, None)
            assert (call.usage.input_tokens, call.usage.replayed) == (2, 0 if asked else 1)

    with suppress(BudgetExhaustedError):
        session.run(pipeline, words=WORDS[3:], budget=Budget(calls=2))
    assert server.calls <= 5
    assert session.ledger.calls == 2
