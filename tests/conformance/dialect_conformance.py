"""What every dialect has to do with each of its exchanges."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from conformance.exchanges.exchange import Exchange

from pytest_lmopt.errors import LmoptError, TransientError
from pytest_lmopt.lm.dialects.events import pieces
from pytest_lmopt.lm.dialects.protocol import Answer, Dialect, HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.registry import dialect_named, dialect_of, parsed_body
from pytest_lmopt.wire import Completion, Message, Request, ToolCall, Usage

REQUEST = Request(model="openai/m", messages=(Message("user", "x"),))


def posted(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
    """A request with a body of JSON."""
    return HttpRequest(
        method="POST", url=url, headers=headers or {}, body=json.dumps(body).encode()
    )


def read(answer: Answer) -> tuple[str, tuple[ToolCall, ...], str]:
    """What an answer says, without its usage."""
    return answer.text, answer.tool_calls, answer.finish


def as_completion(answer: Answer) -> Completion:
    """An answer as our engine would give it; usage that is not a number is 3."""
    numbers = [
        value if isinstance(value, int) else 3
        for value in (answer.reported.input, answer.reported.output)
    ]
    return Completion(
        text=answer.text,
        tool_calls=answer.tool_calls,
        finish=answer.finish,
        usage=Usage(calls=1, input_tokens=numbers[0], output_tokens=numbers[1]),
    )


class DialectConformance:
    """A dialect's own tests give its name, an address, a model and the exchanges."""

    name: ClassVar[str]
    url: ClassVar[str]
    model: ClassVar[str]
    exchanges: ClassVar[Sequence[Exchange]]

    @property
    def dialect(self) -> Dialect:
        """The dialect."""
        return dialect_named(self.name)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that asks for an exchange, an answer or an error with each of them."""
        chosen: dict[str, Callable[[Exchange], bool]] = {
            "exchange": lambda _: True,
            "answered": lambda each: each.is_answer,
            "streamed": lambda each: each.is_answer and each.response.is_stream,
            "worded": lambda each: each.is_answer and not each.problem,
            "failed": lambda each: each.error is not None,
            "unreadable": lambda each: each.unreadable,
        }
        for name, wanted in chosen.items():
            if name in metafunc.fixturenames:
                found = [each for each in self.exchanges if wanted(each)]
                metafunc.parametrize(name, found, ids=[each.name for each in found])

    def test_enough_exchanges(self) -> None:
        """A dialect is tried with twelve exchanges at least."""
        assert len(self.exchanges) >= 12

    def test_a_request_is_recognised(self, exchange: Exchange) -> None:
        """By this dialect, and with its model; a request that only reads is not a call."""
        request = posted(self.url, exchange.body)
        assert dialect_of(request, parsed_body(request)) is self.dialect
        assert self.dialect.model(request, exchange.body) == exchange.body.get("model", self.model)
        reading = HttpRequest(method="GET", url=self.url, headers={}, body=b"")
        assert dialect_of(reading, None) is None

    def test_a_request_is_rendered(self, exchange: Exchange) -> None:
        """As text, within its own limit."""
        messages = self.dialect.messages(exchange.body)
        assert messages
        limit = self.dialect.limits(exchange.body).input
        assert limit is None or limit >= sum(len(each.content) for each in messages)

    def test_an_answer_is_read(self, answered: Exchange) -> None:
        """Text, tool calls, the reason for its end, usage."""
        answer = self.dialect.answer(answered.body, answered.response)
        reported = answer.reported
        assert read(answer) == (answered.text, answered.tool_calls, answered.finish)
        assert answer.problem == answered.problem
        assert tuple(reported.odd) == answered.odd
        assert answered.figures == (
            reported.input,
            reported.output,
            reported.cached,
            reported.reasoning,
            reported.written,
        )

    def test_what_is_not_an_answer_is_an_error(self, unreadable: Exchange) -> None:
        """Whatever the status says."""
        with pytest.raises(ValueError, match=unreadable.said):
            self.dialect.answer(unreadable.body, unreadable.response)

    def test_an_error_is_sorted(self, failed: Exchange) -> None:
        """By status and code, with the provider's words."""
        error = self.dialect.error(REQUEST, failed.response)
        assert type(error) is failed.error
        assert failed.said in str(error)
        if isinstance(error, TransientError):
            assert error.rate_limited == failed.rate_limited
            assert error.retry_after == failed.retry_after

    def test_bytes_that_are_not_ours_stay(self, exchange: Exchange) -> None:
        """What ``sent`` did not ask for is delivered as it came."""
        if self.dialect.sent(exchange.body) is exchange.body:
            assert self.dialect.delivered(exchange.body, exchange.response) is exchange.response

    def test_a_body_is_asked_for_usage_once(self, exchange: Exchange) -> None:
        """All other fields stay, and a body that asks already is the same object."""
        sent = self.dialect.sent(exchange.body)
        added = {name: value for name, value in sent.items() if name != "stream_options"}
        assert added == {k: v for k, v in exchange.body.items() if k != "stream_options"}
        assert self.dialect.sent(sent) is sent

    def test_a_stream_that_is_cut_never_says_anything_else(self, streamed: Exchange) -> None:
        """It is an error, or the same answer."""
        response = streamed.response
        whole = read(self.dialect.answer(streamed.body, response))
        ends = [0]
        for piece in pieces(response.body):
            ends += [ends[-1] + len(piece) // 2, ends[-1] + len(piece)]
        for end in ends:
            self._expect_same(streamed, whole, response.body[:end])

    def _expect_same(self, streamed: Exchange, whole: object, body: bytes) -> None:
        cut = HttpResponse(status=200, headers=streamed.response.headers, body=body)
        try:
            answer = self.dialect.answer(streamed.body, cut)
        except ValueError:
            return
        assert read(answer) == whole

    @pytest.mark.parametrize("as_stream", [False, True])
    def test_an_answer_that_is_worded_reads_back(self, worded: Exchange, as_stream: bool) -> None:
        """The same text, calls, reason and usage, in one piece and as a stream."""
        if not self.dialect.has_chat:
            with pytest.raises(ValueError, match="expected a chat"):
                self.dialect.render(worded.body, Completion(text="x"))
            return
        answer = self.dialect.answer(worded.body, worded.response)
        completion = as_completion(answer)
        body = self.dialect.sent({**worded.body, "stream": as_stream})
        response = self.dialect.render(body, completion)
        again = self.dialect.answer(body, response)
        assert response.is_stream == as_stream
        assert again.text == answer.text
        assert [call[1:] for call in again.tool_calls] == [call[1:] for call in answer.tool_calls]
        expected = (completion.usage.input_tokens, completion.usage.output_tokens)
        assert (again.reported.input, again.reported.output) == expected
        assert again.reported.odd == ()

    def test_a_refusal_is_final(self) -> None:
        """No SDK asks again, and the message is there to read."""
        response = self.dialect.refusal("the budget is used up")
        assert response.status == 403
        assert response.headers["x-should-retry"] == "false"
        assert response.headers["content-type"] == "application/json"
        error = self.dialect.error(REQUEST, response)
        assert isinstance(error, LmoptError)
        assert "the budget is used up" in str(error)
