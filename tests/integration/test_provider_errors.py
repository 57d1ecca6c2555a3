"""What a provider's error means, asked of a real server by our engine and by litellm."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from fnmatch import fnmatch

import pytest
from doubles.openai_server import Fault, OpenAIServer
from doubles.provider_faults import PASSING, REFUSALS, UNUSABLE

from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.engine.engine import Engine
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.wire import Completion, Message, Request

ASKED = Request(
    model="openai/simulated", messages=(Message("system", "SHOUT"), Message("user", "hi there"))
)


ENGINES: dict[str, Callable[[float], LM]] = {
    "ours": lambda timeout: Engine(LiteLLM(timeout=timeout), timeout=timeout),
    "litellm": lambda timeout: LiteLLM(timeout=timeout),
}
engine = ENGINES["ours"]


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask by each in turn."""
    monkeypatch.setitem(globals(), "engine", ENGINES[request.param])


def ask(request: Request = ASKED, *, timeout: float = 30.0) -> Completion:
    """One attempt."""
    return asyncio.run(engine(timeout).complete(request))


def error_of(request: Request = ASKED, *, timeout: float = 30.0) -> LmoptError:
    """The error of one attempt."""
    with pytest.raises(LmoptError) as caught:
        ask(request, timeout=timeout)
    return caught.value


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_transient(name: str, openai_server: OpenAIServer) -> None:
    """One attempt is one call at the server: nobody but us asks again."""
    openai_server.fault = lambda _: PASSING[name]
    ask_first = error_of(timeout=0.5 if name == "slow answer" else 30.0)
    assert type(ask_first) is TransientError
    assert ask_first.rate_limited == name.startswith("rate limit")
    assert openai_server.calls == 1


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_request_brings_about_is_refused(name: str, openai_server: OpenAIServer) -> None:
    """The provider's words are kept."""
    fault, said = REFUSALS[name]
    openai_server.fault = lambda _: fault
    error = error_of()
    assert type(error) is RefusedError
    assert fnmatch(str(error), said)
    assert openai_server.calls == 1


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_every_request_would_meet_is_about_the_model(
    name: str, openai_server: OpenAIServer
) -> None:
    """The message says what to do."""
    fault, said = UNUSABLE[name]
    openai_server.fault = lambda _: fault
    error = error_of()
    assert isinstance(error, ModelError)
    assert error.model == "openai/simulated"
    assert fnmatch(str(error), said)
    assert openai_server.calls == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_providers_wish_is_read_whatever_the_status(
    status: int, openai_server: OpenAIServer
) -> None:
    """litellm keeps the headers of some errors only on the error beneath its own."""
    openai_server.fault = lambda _: Fault(status=status, headers={"Retry-After": "7"})
    error = error_of()
    assert isinstance(error, TransientError)
    assert error.retry_after == 7.0


def test_an_answer_that_trickles_in_is_given_up(openai_server: OpenAIServer) -> None:
    """The time-out counts from the start, not from byte to byte."""
    ask()  # what litellm does only once must not count
    openai_server.fault = lambda _: Fault(seconds=20.0)
    began = time.monotonic()
    error = error_of(timeout=0.5)
    assert str(error) == "no answer within 0.5 s (--lm-timeout)"
    assert time.monotonic() - began < 5.0


def test_usage_that_is_not_told_counts_as_the_most_it_can_be(openai_server: OpenAIServer) -> None:
    """A budget of tokens holds with servers that don't count them."""
    openai_server.answer = lambda _: "HI THERE"
    openai_server.fault = lambda _: Fault(
        body=lambda c: json.dumps({name: c[name] for name in c if name != "usage"})
    )
    usage = ask().usage
    assert (usage.input_tokens, usage.output_tokens) == (ASKED.input_bound, 1024)


def test_providers_that_litellm_asks_by_itself_are_asked_once_too(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own HTTP client repeats a call whose connection broke; ours are paid for one by one."""
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-simulated")
    request = Request(
        model="deepseek/simulated", messages=ASKED.messages, params={"api_base": openai_server.url}
    )
    openai_server.answer = lambda _: "HI THERE"
    assert ask(request).text == "HI THERE"
    openai_server.fault = lambda _: Fault(status=-1)
    assert isinstance(error_of(request), TransientError)
    assert openai_server.calls == 2
