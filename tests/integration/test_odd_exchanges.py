"""Odd requests and answers: a clear error, or passed through untouched; never a changed answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator

import httpx
import pytest
from doubles.manual_clock import ManualClock
from doubles.odd_server import OddServer, Said
from doubles.provider_server import ProviderServer
from projects.asking import Asking
from projects.shouting import Project

CHAT = "/v1/chat/completions"
ASKED = b'{"model": "m", "messages": [{"role": "user", "content": "Well?"}]}'
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"we"}}]}\n\n'

POST = """
def ask(row):
    SEEN.append(row)
    said = httpx.post(URL + {path!r}, content={body!r}, headers=HEADERS, timeout=9)
    assert said.content == {answer!r}, said.content
    assert said.status_code == {status}
    return ("even", "odd")[int(row[4:]) % 2]
"""
BEFORE = """
from projects.asking import SEEN

HEADERS = {{"content-type": "application/json", "authorization": "Bearer " + KEY}}
"""


@pytest.fixture
def server() -> Iterator[OddServer]:
    """A server; a test says what it answers."""
    with OddServer(lambda _: Said(body=b"{}")).running() as serving:
        yield serving


@pytest.fixture
def asking(pytester: pytest.Pytester, server: OddServer, clock: ManualClock) -> Asking:
    """A project that asks it, and waits for nothing."""
    project = Project(pytester, clock=clock)
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    # the provider's double is not asked here
    return Asking(project=project, server=ProviderServer(), url=server.url, rows=2)


def write(
    asking: Asking, path: str = CHAT, body: bytes = ASKED, answer: bytes = b"{}", status: int = 200
) -> None:
    """A pipeline that posts a body, and expects this answer."""
    ask = POST.format(path=path, body=body, answer=answer, status=status)
    asking.write(ask, "max_missing=1.0", before=BEFORE.replace("{{", "{").replace("}}", "}"))


UNTOUCHED = {
    "no JSON": (CHAT, b"\xff not JSON", b"also \xff none"),
    "a list": (CHAT, b"[1, 2]", b"[3]"),
    "a foreign body": (CHAT, b'{"query":  "chat"}', b'{"answer":  1}'),
    "another API": ("/v2/search", b'{"q":  "x"}', b'{"found":  [1]}'),
    "a model elsewhere": ("/v1/train", b'{"model":  "m"}', b'{"job":  7}'),
}


@pytest.mark.parametrize("case", UNTOUCHED)
def test_what_is_not_understood_passes_untouched_and_is_named(
    case: str, asking: Asking, server: OddServer
) -> None:
    """Byte for byte, both ways."""
    path, body, answer = UNTOUCHED[case]
    server.answer = lambda _: Said(body=answer)
    write(asking, path, body, answer)
    result = asking.run()
    result.assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0
    assert server.bodies == [body] * 2
    result.stdout.fnmatch_lines(["*2 connections*127.0.0.1:*"])


def test_a_request_without_a_model_is_named_after_its_server(
    asking: Asking, server: OddServer
) -> None:
    """Some servers have only one."""
    answer = b'{"choices":  [{"message": {"role": "assistant", "content": "we"}}]}'
    server.answer = lambda _: Said(body=answer)
    write(asking, body=ASKED.replace(b'"model": "m", ', b""), answer=answer)
    asking.run().assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0
    assert asking.usage["calls"] == 2


FAULTS: dict[str, Callable[[bytes], Said]] = {
    "no JSON": lambda _: Said(body=b"<html>busy</html>", kind="text/html"),
    "no answer": lambda _: Said(body=b'{"object": "chat.completion"}'),
    "a list": lambda _: Said(body=b"[]"),
    "a cut stream": lambda _: Said(body=EVENT, kind="text/event-stream"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_is_none_is_asked_for_again_and_then_given_as_it_came(
    fault: str, asking: Asking, server: OddServer
) -> None:
    """Its run is missing, and it is not recorded."""
    server.answer, asking.rows = FAULTS[fault], 1
    write(asking, answer=server.answer(b"").body)
    asking.run()
    assert asking.report["missing"] == 1
    assert len(server.bodies) == 4
    write(asking)
    asking.run("--lm-cache=replay").stdout.fnmatch_lines(["*not recorded*"])


def test_a_sound_answer_after_a_fault_is_the_only_one_seen(
    asking: Asking, server: OddServer
) -> None:
    """The client sees it byte for byte."""
    sound = EVENT + b"data: [DONE]\n\n"
    kind = "text/event-stream"
    asked: set[bytes] = set()

    def answer(body: bytes) -> Said:
        first = body not in asked
        asked.add(body)
        return Said(body=EVENT[:30] if first else sound, kind=kind, cut=first)

    server.answer = answer
    write(asking, body=ASKED.replace(b"{", b'{"stream": true, ', 1), answer=sound)
    asking.rows = 1
    asking.run().assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0
    assert [json.loads(body)["stream"] for body in server.bodies] == [True] * len(server.bodies)


REDIRECTED = """
def ask(row):
    said = gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    assert said.choices[0].message.content == "we"
    return ("even", "odd")[int(row[4:]) % 2]
"""


def test_a_redirect_is_followed_as_the_client_does(asking: Asking, server: OddServer) -> None:
    """Each request is counted; a replay follows it, too."""
    answer = b'{"choices": [{"message": {"role": "assistant", "content": "we"}}]}'
    asked: set[bytes] = set()

    def redirect(body: bytes) -> Said:
        first = body not in asked
        asked.add(body)
        return Said(body=b"", status=307, location=CHAT + "?b") if first else Said(body=answer)

    server.answer = redirect
    asking.write(REDIRECTED)
    for options in ((), ("--lm-cache=replay",)):
        asking.run(*options).assert_outcomes(passed=1)
        assert asking.report["score"] == 1.0
        assert len(server.bodies) == 4


QUOTING = """
def ask(row):
    try:
        gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    except openai.BadRequestError as refusal:
        assert refusal.message.endswith("no such thing")
        return ("even", "odd")[int(row[4:]) % 2]
"""


def test_a_refusal_that_quotes_the_key_is_committed_without_it(
    asking: Asking, server: OddServer
) -> None:
    """Nor does the state folder hold it; a replay has all else of the refusal."""
    key = "sk-simulated-key-4711-0815"
    refused = json.dumps({"error": {"message": f"with {key} there is no such thing"}}).encode()
    server.answer = lambda _: Said(body=refused, status=400)
    asking.write(f"gpt = gpt.with_options(api_key={key!r})\n" + QUOTING)
    asking.run("--lm-record=records").assert_outcomes(passed=1)
    folder = asking.project.path
    written = [asking.file, *(folder / ".lmopt").rglob("*.sqlite*"), *folder.rglob("*.jsonl")]
    assert not any(key.encode() in file.read_bytes() for file in written)
    shutil.rmtree(folder / ".lmopt")
    asking.run("--lm-record=records", "--lm-cache=replay").assert_outcomes(passed=1)
    assert len(server.bodies) == 2


PATCHED = """
def patched(transport, request):
    if not FAKED:
        return original(transport, request)
    return httpx.Response(200, json={"choices": [{"message": {"content": "we"}}]})


original = httpx.HTTPTransport.handle_request


def ask(row):
    httpx.HTTPTransport.handle_request = patched
    try:
        said = httpx.post(URL + "/v1/chat/completions", headers=HEADERS, json=chat("Well?"))
    finally:
        httpx.HTTPTransport.handle_request = original
    assert said.json()["choices"][0]["message"]["content"] == "we"
    return ("even", "odd")[int(row[4:]) % 2]
"""


def test_a_patched_client_is_left_to_its_patch(asking: Asking, server: OddServer) -> None:
    """What it answers is the pipeline's own doing; what it sends past us is named."""
    answer = b'{"choices": [{"message": {"role": "assistant", "content": "we"}}]}'
    server.answer = lambda _: Said(body=answer)
    for faked in (True, False):
        before = BEFORE.replace("{{", "{").replace("}}", "}") + f"FAKED = {faked}\n"
        asking.write(PATCHED, "concurrency=1", before=before)
        result = asking.run()
        result.assert_outcomes(passed=1)
        assert asking.report["score"] == 1.0
        assert asking.usage["calls"] == 0
        assert len(server.bodies) == (0 if faked else 2)
        assert ("2 connections" in result.stdout.str()) is not faked


PATCHED_BEFORE = """
@pytest.fixture(autouse=True)
def patched(monkeypatch):
    original = httpx.HTTPTransport.handle_request
    monkeypatch.setattr(
        httpx.HTTPTransport, "handle_request", lambda *args: original(*args)
    )
"""


def test_a_client_patched_before_a_suite_sends_but_never_under_replay(
    asking: Asking, server: OddServer
) -> None:
    """Whether the patch answers by itself can't be seen, so its answers are not recorded."""
    answer = b'{"choices": [{"message": {"role": "assistant", "content": "we"}}]}'
    server.answer = lambda _: Said(body=answer)
    asking.url = server.url.replace("127.0.0.1", "localhost")
    write(asking, answer=answer)
    project = asking.project
    project.write("conftest.py", "import httpx, pytest\n" + PATCHED_BEFORE)
    asking.run().assert_outcomes(passed=1)
    assert len(server.bodies) == asking.usage["calls"] == 2
    result = asking.run("--lm-cache=replay")
    assert len(server.bodies) == 2
    result.stdout.fnmatch_lines(
        [
            "error: *under --lm-cache=replay, *connection to localhost:*",
            "  charged to the budget: [12] call*",
        ]
    )


def test_httpx_is_as_it_was() -> None:
    """After all of these runs in this process."""
    assert httpx.HTTPTransport.handle_request.__module__ == "httpx._transports.default"
    assert not hasattr(httpx.HTTPTransport.handle_request, "__wrapped__")
