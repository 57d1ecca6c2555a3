"""A stream's usage is asked for, and hidden from a client that did not ask."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conformance.exchanges.exchange import stream
from conformance.exchanges.openai_chat import STREAMED, TEXT_CHUNKS, USAGE_CHUNK, WITH_USAGE, chunk

from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.lm.dialects.registry import dialect_named

CHAT = dialect_named("openai.chat")


def _events(body: bytes) -> HttpResponse:
    return HttpResponse(status=200, headers={"content-type": "text/event-stream"}, body=body)


def test_usage_is_asked_for_in_streams_only() -> None:
    """Options that are there stay; a body that needs nothing is the same object."""
    plain: dict[str, Any] = {"messages": []}
    assert CHAT.sent(plain) is plain
    assert CHAT.sent(WITH_USAGE) is WITH_USAGE
    assert CHAT.sent(STREAMED) == WITH_USAGE
    given = {**STREAMED, "stream_options": {"include_obfuscation": False}}
    both = {"include_obfuscation": False, "include_usage": True}
    assert CHAT.sent(given)["stream_options"] == both


def test_the_extra_chunk_is_hidden() -> None:
    """All other bytes stay as they came, comments and unusual spaces too."""
    before = b': a comment\n\ndata: {"choices": [{"delta":  {"content":"a"}}]}\r\n\r\n'
    usage = f"data: {json.dumps(USAGE_CHUNK)}\n\n".encode()
    response = _events(before + usage + b"data: [DONE]\n\n")
    assert CHAT.delivered(STREAMED, response).body == before + b"data: [DONE]\n\n"
    assert CHAT.delivered(WITH_USAGE, response) is response


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ('{"choices":[{"delta":{}}],"usage":null}', '{"choices":[{"delta":{}}]}'),
        ('{"choices":[{"delta":{}}], "usage" : null, "x":1}', '{"choices":[{"delta":{}}], "x":1}'),
        ('{"usage":null,"choices":[{"delta":{}}]}', '{"choices":[{"delta":{}}]}'),
        (
            r'{"choices":[{"delta":{"content":",\"usage\":null"}}],"usage":null}',
            r'{"choices":[{"delta":{"content":",\"usage\":null"}}]}',
        ),
    ],
)
def test_empty_usage_is_hidden(given: str, shown: str) -> None:
    """Only the field itself, never a text that looks like it."""
    response = _events(f"data: {given}\n\ndata: [DONE]\n\n".encode())
    expected = f"data: {shown}\n\ndata: [DONE]\n\n".encode()
    assert CHAT.delivered(STREAMED, response).body == expected


@pytest.mark.parametrize(
    "given",
    [
        stream(TEXT_CHUNKS),
        stream([chunk({}, "stop", usage={"prompt_tokens": 1})]),
        stream([{"choices": [], "prompt_filter_results": []}, *TEXT_CHUNKS]),
        stream([{"choices": [{"delta": {}, "usage": None}]}]),
        _events(b"data: no JSON\n\n"),
        HttpResponse(status=200, headers={}, body=b'{"choices": [], "usage": {}}'),
    ],
)
def test_nothing_else_is_hidden(given: HttpResponse) -> None:
    """Usage beside a choice is the provider's own way, and other chunks are none of ours."""
    assert CHAT.delivered(STREAMED, given) is given


def test_a_server_that_sends_no_header_is_understood() -> None:
    """The body says that it is a stream."""
    response = HttpResponse(status=200, headers={}, body=stream(TEXT_CHUNKS).body)
    assert CHAT.answer(STREAMED, response).text == "Sunny, 日本 25 °C."


def test_two_choices_are_kept_apart() -> None:
    """The first is the answer; both have to end."""
    other: dict[str, Any] = chunk({"content": "other"}, "stop")
    other["choices"][0]["index"] = 1
    response = stream([TEXT_CHUNKS[1], other, TEXT_CHUNKS[-1]], done=False)
    assert CHAT.answer(STREAMED, response).text == "Sunny, "
    with pytest.raises(ValueError, match="was cut"):
        CHAT.answer(STREAMED, stream([TEXT_CHUNKS[1], other], done=False))
