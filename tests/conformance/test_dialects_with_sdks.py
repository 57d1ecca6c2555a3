"""The providers' own SDKs read what dialects word, and raise their own errors at refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import openai
import pytest
from conformance.dialect_conformance import posted
from pydantic import BaseModel

from pytest_lmopt.lm.dialects.protocol import Dialect, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.registry import dialect_of, parsed_body
from pytest_lmopt.wire import Completion, ToolCall, Usage

TEXT = "It is sunny in 日本, 25 °C,\n\nand  there is no wind. "
CALLS = (ToolCall("call_1", "weather", '{"city":"Rome"}'), ToolCall("call_2", "now", "{}"))
COMPLETION = Completion(
    text=TEXT, tool_calls=CALLS, usage=Usage(calls=1, input_tokens=9, output_tokens=12)
)
Answering = Callable[[Dialect, HttpRequest], HttpResponse]
ASKED: Any = [{"role": "user", "content": "Weather?"}]


class City(BaseModel):
    """What is parsed."""

    name: str


def _client(sdk: Any, answer: Answering) -> Any:
    """An HTTP client of the SDK's own kind that has each request answered in its dialect."""
    kinds = [kind.__module__.partition(".")[0] for kind in sdk.DefaultHttpxClient.__mro__]
    http = import_module(next(kind for kind in kinds if kind in ("httpx", "httpx2")))

    def handle(request: Any) -> Any:
        asked = HttpRequest(
            method=request.method,
            url=str(request.url),
            headers=dict(request.headers),
            body=request.content,
        )
        dialect = dialect_of(asked, parsed_body(asked))
        assert dialect is not None
        given = answer(dialect, asked)
        return http.Response(given.status, headers=dict(given.headers), content=given.body)

    return http.Client(transport=http.MockTransport(handle))


def _worded(completion: Completion = COMPLETION) -> Answering:
    return lambda dialect, request: dialect.render(json.loads(request.body), completion)


def _openai(answer: Answering) -> openai.OpenAI:
    return openai.OpenAI(api_key="none", http_client=_client(openai, answer))


def _anthropic(answer: Answering) -> Any:
    anthropic = pytest.importorskip("anthropic")
    return anthropic.Anthropic(api_key="none", http_client=_client(anthropic, answer))


@pytest.fixture(scope="module")
def by_openai() -> openai.OpenAI:
    """OpenAI's SDK, which gets our answers."""
    return _openai(_worded())


@pytest.fixture(scope="module")
def by_anthropic() -> Any:
    """Anthropic's SDK, which gets our answers."""
    return _anthropic(_worded())


def test_openai_reads_a_chat(by_openai: openai.OpenAI) -> None:
    """Text, calls, usage."""
    answer: Any = by_openai.chat.completions.create(model="m", messages=ASKED)
    choice = answer.choices[0]
    assert choice.message.content == TEXT
    assert [(c.id, c.function.name, c.function.arguments) for c in choice.message.tool_calls] == [
        tuple(call) for call in CALLS
    ]
    assert (choice.finish_reason, answer.usage.total_tokens) == ("tool_calls", 21)


def test_openai_reads_a_stream(by_openai: openai.OpenAI) -> None:
    """In several chunks; usage only where it is asked for."""
    with by_openai.chat.completions.stream(model="m", messages=ASKED) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert sum(event.type == "content.delta" for event in events) > 2
    assert final.choices[0].message.content == TEXT
    calls = final.choices[0].message.tool_calls or []
    assert [call.function.arguments for call in calls] == [call.arguments for call in CALLS]
    assert final.usage is None


def test_openai_parses_an_answer() -> None:
    """Structured output is JSON text."""
    client = _openai(_worded(Completion(text='{"name": "Rome"}')))
    answer = client.chat.completions.parse(model="m", messages=ASKED, response_format=City)
    assert answer.choices[0].message.parsed == City(name="Rome")


def test_openai_reads_a_response(by_openai: openai.OpenAI) -> None:
    """Text, calls, usage."""
    answer = by_openai.responses.create(model="m", input="Weather?")
    assert answer.output_text == TEXT
    calls = [each for each in answer.output if each.type == "function_call"]
    assert [(c.call_id, c.name, c.arguments) for c in calls] == [tuple(call) for call in CALLS]
    assert answer.usage is not None
    assert answer.usage.total_tokens == 21


def test_openai_reads_a_stream_of_a_response(by_openai: openai.OpenAI) -> None:
    """Its events in order; the SDK puts the same response together."""
    with by_openai.responses.stream(model="m", input="Weather?") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") > 2
    assert final.output_text == TEXT


def test_openai_parses_a_response() -> None:
    """Structured output is JSON text."""
    client = _openai(_worded(Completion(text='{"name": "Rome"}')))
    answer = client.responses.parse(model="m", input="Where?", text_format=City)
    assert answer.output_parsed == City(name="Rome")


def test_openai_reads_a_legacy_completion(by_openai: openai.OpenAI) -> None:
    """In one piece, and as a stream."""
    answer = by_openai.completions.create(model="m", prompt="x")
    assert answer.choices[0].text == TEXT
    stream = by_openai.completions.create(model="m", prompt="x", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == TEXT


def test_anthropic_reads_a_message(by_anthropic: Any) -> None:
    """Text, calls, usage."""
    answer = by_anthropic.messages.create(model="m", max_tokens=9, messages=ASKED)
    text, *calls = answer.content
    assert text.text == TEXT
    assert [(c.id, c.name, json.dumps(c.input, separators=(",", ":"))) for c in calls] == [
        tuple(call) for call in CALLS
    ]
    assert (answer.stop_reason, answer.usage.output_tokens) == ("tool_use", 12)


def test_anthropic_reads_a_stream(by_anthropic: Any) -> None:
    """The SDK puts the same message together."""
    with by_anthropic.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 2
    assert "".join(pieces) == TEXT
    assert [block.type for block in final.content] == ["text", "tool_use", "tool_use"]
    assert (final.usage.input_tokens, final.usage.output_tokens) == (9, 12)


@pytest.mark.parametrize("retries", [0, 2])
def test_openai_raises_its_own_error_once(retries: int) -> None:
    """A refusal is a permission that is denied; nothing is asked again."""
    asked: list[HttpRequest] = []

    def refuse(dialect: Dialect, request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return dialect.refusal("the budget is used up")

    client = _openai(refuse).with_options(max_retries=retries)
    with pytest.raises(openai.PermissionDeniedError, match="the budget is used up"):
        client.embeddings.create(model="m", input="x")
    assert len(asked) == 1


def test_anthropic_raises_its_own_error_once() -> None:
    """A refusal is a permission that is denied; nothing is asked again."""
    asked: list[HttpRequest] = []

    def refuse(dialect: Dialect, request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return dialect.refusal("the budget is used up")

    client = _anthropic(refuse)
    denied = pytest.importorskip("anthropic").PermissionDeniedError
    with pytest.raises(denied, match="the budget is used up"):
        client.messages.create(model="m", max_tokens=9, messages=ASKED)
    assert len(asked) == 1


def test_a_count_of_tokens_is_free() -> None:
    """It is no call of a model, though it goes to a provider."""
    url = "https://api.anthropic.com/v1/messages/count_tokens"
    dialect = dialect_of(posted(url, {"messages": []}), {"messages": []})
    assert dialect is not None
    assert dialect.name == "free"
