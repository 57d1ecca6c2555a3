"""The providers' double: it answers by the request, checks it, and counts by itself."""

from __future__ import annotations

import base64
import json
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from doubles.provider_server import ClosedPort, ProviderServer

HEADERS = {
    "Content-Type": "application/json",
    "Authorization": "Bearer sk-double",
    "anthropic-version": "2023-06-01",
}


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    """A server that limits the second request of each row."""
    with ProviderServer().running() as serving:
        yield serving


def ask(server: ProviderServer, path: str, body: Any, **headers: str) -> tuple[int, str]:
    """Send a body; returns the status and what was said."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{server.url}/v1/{path}", data=data, headers={**HEADERS, **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def chat(text: str, **fields: Any) -> dict[str, Any]:
    """A chat request of one message."""
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **fields}


def test_the_same_request_has_the_same_answer_and_usage(server: ProviderServer) -> None:
    """Tokens are words; the answer says whether the example's number is odd."""
    told = {ask(server, "chat/completions", chat("Is doc-7 odd?")) for _ in range(2)}
    ((status, text),) = told
    answer = json.loads(text)
    assert status == 200
    assert answer["choices"][0]["message"]["content"] == "doc-7 is odd, after 3 words"
    assert answer["usage"]["prompt_tokens"] == 3
    assert answer["usage"]["completion_tokens"] == 6
    assert server.counts()["examples"]["doc-7"]["input_tokens"] == 6
    assert server.counts()["repeated"] == 1


def test_the_second_step_of_a_row_meets_a_rate_limit_once(server: ProviderServer) -> None:
    """Its first request is answered, its second is limited, its third is answered."""
    statuses = [ask(server, "chat/completions", chat("row-001"))[0] for _ in range(3)]
    assert statuses == [200, 429, 200]
    assert server.counts()["answered"] == 2
    assert server.counts()["problems"] == []


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        (
            "responses",
            {"model": "gpt-4o-mini", "input": "doc-1", "stream": True},
            ["response.created", "response.in_progress", "response.output_item.added"],
        ),
        (
            "messages",
            {
                "model": "claude-haiku-4-5",
                "max_tokens": 9,
                "messages": [{"role": "user", "content": "doc-1"}],
                "stream": True,
            },
            ["message_start", "content_block_start", "ping"],
        ),
    ],
)
def test_streams_have_their_events_names(
    server: ProviderServer, path: str, body: Any, names: list[str]
) -> None:
    """Each event is named as the provider names it, also in its data."""
    _, text = ask(server, path, body)
    events = [block.split("\n") for block in text.strip().split("\n\n")]
    assert [name.removeprefix("event: ") for name, _ in events][:3] == names
    for name, data in events:
        assert json.loads(data.removeprefix("data: "))["type"] == name.removeprefix("event: ")


def test_a_chat_stream_reports_usage_only_where_asked(server: ProviderServer) -> None:
    """Without ``include_usage`` there is none, and no token counts as reported."""
    silent = ask(server, "chat/completions", chat("doc-1", stream=True))[1]
    asked = chat("doc-2", stream=True, stream_options={"include_usage": True})
    assert "usage" not in silent
    assert '"prompt_tokens": 1' in ask(server, "chat/completions", asked)[1]
    examples = server.counts()["examples"]
    assert (examples["doc-1"]["input_tokens"], examples["doc-2"]["input_tokens"]) == (0, 1)


def test_embeddings_are_numbers_or_base64(server: ProviderServer) -> None:
    """Both forms hold the same numbers."""
    body = {"model": "text-embedding-3-small", "input": ["doc-1"]}
    numbers = json.loads(ask(server, "embeddings", body)[1])["data"][0]["embedding"]
    packed = json.loads(ask(server, "embeddings", {**body, "encoding_format": "base64"})[1])
    data = base64.b64decode(packed["data"][0]["embedding"])
    assert list(struct.unpack("<8f", data)) == numbers


ORPHAN = [
    {"role": "user", "content": "doc-1"},
    {"role": "tool", "tool_call_id": "call_none", "content": "found"},
]


@pytest.mark.parametrize(
    ("sent", "status", "problem"),
    [
        (("chat/completions", b"{", {}), 400, "could not parse"),
        (("chat/completions", {"messages": []}, {}), 400, "model parameter"),
        (("chat/completions", chat("doc-1", model="gpt-9"), {}), 404, "does not exist"),
        (("chat/completions", chat("doc-1", messages=ORPHAN), {}), 400, "no tool call has the id"),
        (("chat/completions", chat("doc-1", litellm_id=1), {}), 400, "Unrecognized"),
        (("chat/completions", chat("doc-1"), {"Content-Type": "text/plain"}), 400, "Content-Type"),
        (("chat/completions", chat("doc-1"), {"Authorization": ""}), 401, "API key"),
        (("messages", chat("doc-1", model="claude-haiku-4-5"), {}), 400, "max_tokens"),
        (("elsewhere", chat("doc-1"), {}), 404, "Invalid URL"),
    ],
)
def test_a_malformed_request_is_refused_and_noted(
    server: ProviderServer, sent: tuple[str, Any, dict[str, str]], status: int, problem: str
) -> None:
    """The refusal has the provider's form, and the server keeps the problem."""
    path, body, headers = sent
    found, text = ask(server, path, body, **headers)
    assert (found, problem in json.loads(text)["error"]["message"]) == (status, True)
    (noted,) = server.counts()["problems"]
    assert problem in noted


def test_a_failing_example_fails_as_it_says(server: ProviderServer) -> None:
    """Its number is the status; that is no problem of the request."""
    assert ask(server, "chat/completions", chat("fail-500"))[0] == 500
    assert server.counts()["problems"] == []


def test_a_closed_port_counts_who_tries() -> None:
    """It answers nothing."""
    with ClosedPort(0) as port:
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on who is faster
            urllib.request.urlopen(f"http://127.0.0.1:{port.port}", timeout=10)
        assert port.connections == 1
