"""One call of a client's through its run's LM, with a plain function in the transport's place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import httpx2
import pytest
from doubles.manual_clock import ManualClock

from pytest_lmopt import Completion, Request
from pytest_lmopt.errors import (
    BudgetExhaustedError,
    MissingAnswerError,
    ModelError,
    UnmeteredError,
)
from pytest_lmopt.lm.dialects.openai_chat import OpenAIChat
from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.lm.faults.retries import Retrying
from pytest_lmopt.lm.interception.exchange import is_transient, response_of, whole_of
from pytest_lmopt.lm.interception.httpx_clients import async_hook, sync_hook
from pytest_lmopt.lm.net.rules import Interception, Rules
from pytest_lmopt.lm.recordings.memory import MemoryStore
from pytest_lmopt.lm.recordings.recorded import Recorded
from pytest_lmopt.lm.seam import LM, FunctionLM
from pytest_lmopt.lm.tracing import RunContext, is_our_own, our_own, running
from pytest_lmopt.suites.candidate import Candidate

URL = "http://127.0.0.1:9/v1/chat/completions"
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Odd?"}]}
ANSWER: dict[str, Any] = {
    "choices": [{"message": {"role": "assistant", "content": "odd"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 1},
}
BUSY = {"error": {"message": "busy", "type": "server_error"}}


class Passing:
    """An LM that has each request sent once."""

    async def complete(self, request: Request) -> Completion:
        """What the client's own transport brings."""
        assert request.ask is not None
        return await request.ask()


class Failing:
    """An LM that has nothing sent."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def complete(self, request: Request) -> Completion:
        """Raise the error."""
        raise self.error


@dataclass
class Transport:
    """A transport's class with a hooked function that answers in turn; the last one stays."""

    answers: list[Any]
    requests: list[httpx.Request] = field(default_factory=list)

    def send(self, _: object, request: httpx.Request) -> httpx.Response:
        """The next answer: a body, a status with a body, or an exception."""
        assert is_our_own()
        self.requests.append(request)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        status, body = found if isinstance(found, tuple) else (200, found)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content, headers={"x-request-id": "r1"})


def run_of(lm: LM | None = None, **rules: Any) -> RunContext:
    """A run."""
    candidate = Candidate(name="c", states={})
    return RunContext(lm=lm or Passing(), candidate=candidate, rules=Rules(**rules))


def post(
    run: RunContext | None,
    send: Callable[..., Any],
    body: Any = BODY,
    url: str = URL,
    **headers: str,
) -> httpx.Response:
    """What a client gets that posts a body in a run."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = httpx.Request("POST", url, content=content, headers=headers)
    # as if it came from httpx itself, so that it counts as no mock
    hook = sync_hook(_unmocked(send))
    if run is None:
        response = hook(None, request)
    else:
        with running(run):
            response = hook(None, request)
    response.read()
    return response  # type: ignore[no-any-return]


def _unmocked(send: Callable[..., Any]) -> Callable[..., Any]:
    def original(transport: Any, request: Any) -> Any:
        return send(transport, request)

    original.__wrapped__ = httpx.HTTPTransport.handle_request  # type: ignore[attr-defined]
    return original


def test_the_client_gets_the_providers_own_response() -> None:
    """With its headers, as it was sent; the trace has the call."""
    run, transport = run_of(), Transport([ANSWER])
    response = post(run, transport.send, **{"user-agent": "OpenAI/Python 2.0"})
    assert response.json() == ANSWER
    assert response.headers["x-request-id"] == "r1"
    assert json.loads(transport.requests[0].content) == BODY
    (call,) = run.trace
    assert (call.client, call.dialect, call.text) == ("OpenAI/Python", "openai.chat", "odd")
    assert (call.usage.input_tokens, call.usage.output_tokens) == (7, 1)


def test_outside_of_runs_and_for_our_own_requests_it_does_nothing() -> None:
    """Nor for hosts that are left alone."""
    sent: list[object] = []

    def send(_: object, request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=ANSWER)

    run = run_of(interception=Interception(off=True))
    post(None, send)
    post(run, send)
    with our_own():
        post(run_of(), send)
    assert len(sent) == 3
    assert run.trace == ()


def test_a_call_that_may_not_be_made_is_answered_with_an_error() -> None:
    """One that no SDK repeats; the stop stands in the run."""
    error = BudgetExhaustedError("the budget is used up", limit="calls")
    run = run_of(Failing(error))
    response = post(run, Transport([ANSWER]).send)
    assert response.status_code == 403
    assert response.headers["x-should-retry"] == "false"
    assert response.json()["error"]["message"] == "the budget is used up"
    assert run.stop is error
    run.block.end()
    assert "its run has ended" in post(run, Transport([ANSWER]).send).text


def test_what_our_retries_give_up_is_the_providers_last_answer() -> None:
    """Which the SDK does not ask for again."""
    run = run_of(Retrying(Passing(), clock=ManualClock()))
    transport = Transport([(500, BUSY), (503, BUSY)])
    response = post(run, transport.send)
    assert (response.status_code, response.json()) == (503, BUSY)
    assert response.headers["x-should-retry"] == "false"
    assert len(transport.requests) == 4
    assert isinstance(run.stop, MissingAnswerError)


@pytest.mark.parametrize("repeats", [True, False])
def test_a_lost_connection_is_the_clients_own_error_where_it_does_not_repeat(
    repeats: bool,
) -> None:
    """An SDK that repeats exceptions gets an answer in its place."""
    lost = httpx.ConnectError("gone")
    run = run_of(Retrying(Passing(), clock=ManualClock()))
    headers = {"x-stainless-retry-count": "0"} if repeats else {}
    if repeats:
        assert post(run, Transport([lost]).send, **headers).status_code == 503
    else:
        with pytest.raises(httpx.ConnectError) as raised:
            post(run, Transport([lost]).send)
        assert raised.value is lost
    assert isinstance(run.stop, MissingAnswerError)


def test_an_exception_that_another_try_would_not_help_is_raised_at_once() -> None:
    """As the transport raised it."""
    transport = Transport([httpx.UnsupportedProtocol("ftp")])
    with pytest.raises(httpx.UnsupportedProtocol):
        post(run_of(Retrying(Passing(), clock=ManualClock())), transport.send)
    assert len(transport.requests) == 1
    assert is_transient(httpx.ReadTimeout("late"))
    assert is_transient(httpx2.ConnectError("gone"))
    assert is_transient(ConnectionResetError())
    assert not is_transient(ValueError("no"))


def test_equal_calls_of_a_run_are_answered_independently() -> None:
    """And each is replayed with its own answer."""
    store = MemoryStore({})
    said = [{**ANSWER, "choices": [{"message": {"content": text}}]} for text in ("a", "b")]
    run = run_of(Recorded(Passing(), store, mode="auto"))
    transport = Transport([*said])
    assert [post(run, transport.send).json() for _ in said] == said
    again = run_of(Recorded(Passing(), store, mode="replay"))
    assert [post(again, transport.send).json() for _ in said] == said
    assert len(transport.requests) == 2


def test_a_replay_that_lacks_a_recording_sends_nothing() -> None:
    """The client is told so in its provider's form."""
    transport = Transport([ANSWER])
    run = run_of(Recorded(Passing(), MemoryStore({}), mode="replay"))
    response = post(run, transport.send)
    assert response.status_code == 403
    assert "not recorded" in response.json()["error"]["message"]
    assert transport.requests == []


def test_a_fallback_that_answers_withdraws_the_stop() -> None:
    """Of the same question alone."""

    class Unknown:
        async def complete(self, request: Request) -> Completion:
            if request.model.endswith("/old"):
                raise ModelError("unknown", model=request.model)
            return await Passing().complete(request)

    transport = Transport([ANSWER])
    for question, is_stopped in (("Odd?", False), ("Even?", True)):
        run = run_of(Unknown())
        post(run, transport.send, {**BODY, "model": "old"})
        assert isinstance(run.stop, ModelError)
        body = {**BODY, "messages": [{"role": "user", "content": question}]}
        assert post(run, transport.send, body).status_code == 200
        assert (run.stop is not None) is is_stopped


def test_an_lm_of_the_users_own_answers_in_the_clients_dialect() -> None:
    """Nothing is sent."""
    run = run_of(FunctionLM(lambda request: request.messages[-1].content.upper()), offered=True)
    run.model = "pytest_lmopt_lm"
    transport = Transport([ANSWER])
    response = post(run, transport.send)
    assert response.json()["choices"][0]["message"]["content"] == "ODD?"
    assert transport.requests == []


def test_another_model_of_the_same_provider_is_asked_in_its_place() -> None:
    """All else in the body stays."""
    run, transport = run_of(), Transport([ANSWER])
    run.model = "localhost/better"
    assert post(run, transport.send, {**BODY, "odd_field": [1]}).json() == ANSWER
    sent = json.loads(transport.requests[0].content)
    assert sent == {**BODY, "model": "better", "odd_field": [1]}


def test_what_a_hook_returns_is_keyed_and_shown_and_the_body_is_sent() -> None:
    """Answers to bodies that are equal to it are shared."""
    store, transport = MemoryStore({}), Transport([ANSWER])
    rules = {"recorded_body": lambda body: {**body, "messages": [{"role": "user", "content": "?"}]}}
    for question in ("Odd?", "Even?"):
        run = run_of(Recorded(Passing(), store, mode="auto"), **rules)
        body = {**BODY, "messages": [{"role": "user", "content": question}]}
        assert post(run, transport.send, body).json() == ANSWER
        (call,) = run.trace
        assert call.inputs["messages"] == [["user", "?"]]
    (request,) = transport.requests
    assert json.loads(request.content) == BODY
    ((recorded, _),) = store.new
    assert "Odd" not in repr(replace(recorded, ask=None))


def test_a_mocked_answer_is_not_recorded() -> None:
    """Whatever function stands in for the transport."""
    store = MemoryStore({})
    run = run_of(Recorded(Passing(), store, mode="auto"))
    request = httpx.Request("POST", URL, json=BODY)
    with running(run):
        response = sync_hook(lambda *_: httpx.Response(200, json=ANSWER))(None, request)
    assert json.loads(response.read()) == ANSWER
    assert store.new == []


STREAM = (
    b'data: {"choices":[{"index":0,"delta":{"content":"o"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"dd"},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1}}\n\n'
    b"data: [DONE]\n\n"
)


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_a_stream_is_read_whole_and_delivered_event_by_event(module: Any) -> None:
    """Without the usage that only we have asked for; async clients send in their own task."""
    run = run_of()
    sent: list[Any] = []

    async def original(_: object, request: Any) -> Any:
        sent.append((json.loads(request.content), asyncio.get_running_loop()))
        headers = {"content-type": "text/event-stream"}
        return module.Response(200, content=STREAM, headers=headers)

    original.__wrapped__ = module.AsyncHTTPTransport.handle_async_request  # type: ignore[attr-defined]

    async def ask() -> list[bytes]:
        request = module.Request("POST", URL, json={**BODY, "stream": True})
        response = await async_hook(original)(None, request)
        assert sent[0][1] is asyncio.get_running_loop()
        return [part async for part in response.stream]

    with running(run):
        parts = asyncio.run(ask())
    assert parts == [
        event + b"\n\n" for event in STREAM.split(b"\n\n") if event and b"usage" not in event
    ]
    assert sent[0][0]["stream_options"] == {"include_usage": True}
    assert run.trace[0].text == "odd"


def test_a_call_on_another_loop_than_asyncios_passes_and_is_named() -> None:
    """As trio's; under a promise it is refused."""

    async def original(_: object, request: Any) -> httpx.Response:
        return httpx.Response(200, json=ANSWER)

    url = URL.replace("127.0.0.1", "models.example")
    for promise in ("", "the budget of test_it"):
        run = run_of(promise=promise)
        with running(run):
            asking = async_hook(original)(None, httpx.Request("POST", url, json=BODY))
            with pytest.raises(httpx.ConnectError if promise else StopIteration) as raised:
                asking.send(None)
        (opening,) = run.openings.listed()
        harmless = "refused" if promise else ""
        assert (opening.target, opening.harmless) == ("models.example:9", harmless)
        if promise:
            assert isinstance(run.stop, UnmeteredError)
        else:
            assert raised.value.value.json() == ANSWER  # type: ignore[attr-defined]
        assert run.trace == ()


def test_a_response_comes_back_from_plain_json() -> None:
    """Bytes that are no text, too; headers of one delivery stay behind."""
    for body in (b'{"a": 1}', b"\xff\x00"):
        headers = {"content-type": "x", "content-length": "2", "set-cookie": "s", "date": "d"}
        response = HttpResponse(status=200, headers=headers, body=body)
        whole = whole_of(response, OpenAIChat())
        assert json.loads(json.dumps(whole)) == whole
        assert response_of(whole) == replace(response, headers={"content-type": "x"})
