"""Whatever an answer says, each dialect words it so that it reads back, and never half of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from conformance.dialect_conformance import read
from conformance.exchanges import anthropic_messages
from conformance.exchanges.exchange import SSE
from conformance.exchanges.openai_chat import CALL_CHUNKS
from conformance.exchanges.rich_bodies import RICH_BODIES
from hypothesis import given
from hypothesis import strategies as st

from pytest_lmopt.lm.dialects.protocol import HttpRequest, HttpResponse
from pytest_lmopt.lm.dialects.registry import DIALECTS, dialect_named, dialect_of, parsed_body
from pytest_lmopt.wire import Completion, ToolCall, Usage

_ARGUMENTS = st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=3)
_CALLS = st.builds(
    lambda number, arguments: ToolCall(
        f"call_{number}", "f", json.dumps(arguments, separators=(",", ":"))
    ),
    st.integers(0, 99),
    _ARGUMENTS,
)
_COMPLETIONS = st.builds(
    Completion,
    text=st.text(max_size=80),
    tool_calls=st.lists(_CALLS, max_size=3, unique_by=lambda call: call.id).map(tuple),
    usage=st.builds(Usage, input_tokens=st.integers(1, 99), output_tokens=st.integers(0, 99)),
)
_BODIES: dict[str, dict[str, Any]] = {
    "openai.chat": {"messages": [], "model": "m"},
    "openai.responses": {"input": "x", "model": "m"},
    "openai.completions": {"prompt": "x", "model": "m"},
    "anthropic.messages": {"messages": [], "model": "m"},
}


@pytest.mark.parametrize("name", _BODIES)
@given(completion=_COMPLETIONS, place=st.floats(0, 1))
def test_a_worded_stream_reads_back_and_cut_it_is_never_another_answer(
    name: str, completion: Completion, place: float
) -> None:
    """In one piece, as a stream, and wherever the stream is cut."""
    dialect = dialect_named(name)
    single = dialect.answer(_BODIES[name], dialect.render(_BODIES[name], completion))
    body = dialect.sent({**_BODIES[name], "stream": True})
    response = dialect.render(body, completion)
    streamed = dialect.answer(body, response)
    assert streamed == single or name.startswith("anthropic")
    assert read(streamed) == read(single)
    assert streamed.text == completion.text
    if name != "openai.completions":
        assert [call[:2] for call in streamed.tool_calls] == [c[:2] for c in completion.tool_calls]
        said = [json.loads(call.arguments) for call in streamed.tool_calls]
        assert said == [json.loads(call.arguments) for call in completion.tool_calls]
    cut = response.body[: int(len(response.body) * place)]
    try:
        found = dialect.answer(body, HttpResponse(status=200, headers=response.headers, body=cut))
    except ValueError:
        return
    assert read(found) == read(streamed)


_NAMES = (
    *("type", "content", "role", "text", "usage", "choices", "message", "output", "tools"),
    *("function", "source", "input", "delta", "error", "tool_calls", "index", "detail", "data"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
@given(body=st.dictionaries(st.sampled_from(["messages", "input", "tools", "prompt"]), _JSON))
def test_a_strange_body_is_read_without_an_error(dialect: object, body: dict[str, object]) -> None:
    """The provider says what is wrong with it."""
    named = next(each for each in DIALECTS if each is dialect)
    named.messages(body)
    named.limits(body)
    named.sent(body)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
@given(whole=_JSON, is_stream=st.booleans())
def test_a_strange_answer_is_read_or_no_answer(
    dialect: object, whole: object, is_stream: bool
) -> None:
    """``ValueError`` is the only error."""
    named = next(each for each in DIALECTS if each is dialect)
    said = json.dumps(whole)
    kind = "text/event-stream" if is_stream else "application/json"
    body = f"data: {said}\n\ndata: [DONE]\n\n" if is_stream else said
    response = HttpResponse(status=200, headers={"content-type": kind}, body=body.encode())
    named.delivered({"stream": True}, response)
    try:
        named.answer({}, response)
    except ValueError:
        return


_STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    2.5,
    "",
    "x",
    [],
    {},
    [[1]],
    {"type": []},
    {"type": {}},
    ["content"],
)


def _altered(value: Any) -> Iterator[Any]:
    """A value with each field in it, however deep, left out or of another kind."""
    places = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in places:
        rest = {k: v for k, v in dict(places).items() if k != name}
        for strange in (*_STRANGE, *(_altered(item) if isinstance(item, dict | list) else ())):
            whole = {**rest, name: strange}
            yield whole if isinstance(value, dict) else [whole[each] for each in sorted(whole)]
        yield rest if isinstance(value, dict) else list(rest.values())


@pytest.mark.parametrize("name", RICH_BODIES)
def test_a_field_of_any_kind_is_read_without_an_error(name: str) -> None:
    """Only translation to another dialect may refuse a body, as ``ValueError``."""
    dialect = dialect_named(name)
    for body in _altered(RICH_BODIES[name]):
        dialect.messages(body)
        dialect.limits(body)
        dialect.sent(body)
        with suppress(ValueError):
            dialect.chat(body)
        with suppress(ValueError):
            dialect.render(body, Completion(text="x"))


_EVENTS: dict[str, list[dict[str, Any]]] = {
    "anthropic.messages": anthropic_messages.TOOL_EVENTS,
    "openai.chat": CALL_CHUNKS,
}


@pytest.mark.parametrize("name", _EVENTS)
def test_an_event_of_any_kind_is_read_or_no_answer(name: str) -> None:
    """``ValueError`` is the only error."""
    dialect = dialect_named(name)
    for events in _altered(_EVENTS[name]):
        lines = [f"data: {json.dumps(event)}\n\n" for event in events]
        body = "".join(lines).encode()
        response = HttpResponse(status=200, headers=SSE, body=body)
        dialect.delivered({"stream": True}, response)
        with suppress(ValueError):
            dialect.answer({"stream": True}, response)


@given(url=st.text(max_size=30), body=st.binary(max_size=30))
def test_any_request_has_a_dialect_or_none(url: str, body: bytes) -> None:
    """Whatever its address and body are."""
    request = HttpRequest(method="POST", url=f"https://{url}", headers={}, body=body)
    dialect_of(request, parsed_body(request))
