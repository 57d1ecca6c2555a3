"""Tools that answer in a provider's place: before a suite, inside its pipeline, and after it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import httpx2
import pytest
import respx  # noqa: F401
import vcr.stubs.httpx_stubs  # type: ignore[import-untyped]  # noqa: F401
from doubles.meeting import wait_until
from doubles.provider_server import ProviderServer, never
from projects.asking import Asking
from projects.shouting import Project

PIPELINE = """
MESSAGE = {{"role": "assistant", "content": "MOCKED!"}}
ANSWER = {{
    "id": "1", "object": "chat.completion", "created": 1, "model": GPT,
    "choices": [{{"index": 0, "finish_reason": "stop", "message": MESSAGE}}],
    "usage": {{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
}}
CHAT = URL + "/v1/chat/completions"


{ask}
"""
ASK = """
def ask(row):
    said = httpx.post(**RAW, json=chat(f"Is {row} odd?")).json()
    return said["choices"][0]["message"]["content"].partition(",")[0]
"""
ASK_ASYNC = """
async def ask_async(row):
    async with httpx.AsyncClient() as client:
        said = (await client.post(**RAW, json=chat(f"Is {row} odd?"))).json()
        return said["choices"][0]["message"]["content"].partition(",")[0]


def ask(row):
    return asyncio.run(ask_async(row))
"""
MOCKS = {
    "pytest-httpx": """
@pytest.fixture
def mock(httpx_mock):
    httpx_mock.add_response(url=CHAT, json=ANSWER, is_reusable=True, is_optional=True)
""",
    "respx": """
@contextmanager
def mocked():
    with respx.mock() as router:
        router.post(CHAT).respond(json=ANSWER)
        yield
""",
    "vcrpy": """
@contextmanager
def mocked():
    with vcr.use_cassette("cassette.yaml", record_mode="none", match_on=["uri"],
                          allow_playback_repeats=True):
        yield
""",
}
CASSETTE = """\
version: 1
interactions:
- request: {{method: POST, uri: "{url}/v1/chat/completions", body: "", headers: {{}}}}
  response:
    status: {{code: 200, message: OK}}
    headers: {{content-type: [application/json]}}
    body: {{string: '{answer}'}}
"""
ANSWER = (
    '{"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "choices": '
    '[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "MOCKED!"}'
    '}], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}'
)
SUITES = """
import pytest, respx, vcr
from contextlib import contextmanager, nullcontext
from pytest_lmopt import metrics
from pipeline import ANSWER, CHAT, ask

{mock}


def rows(expected):
    return [
        {{"id": f"row-{{n}}", "inputs": {{"row": f"row-{{n}}"}}, "expected": expected(n),
          "split": "dev"}}
        for n in range(4)
    ]


@pytest.mark.lm_suite(dataset=rows(lambda n: "MOCKED!"), metric=metrics.exact_match,
                      concurrency=1, threshold=1.0)
def test_mocked(lm_example{fixture}):
    with {inside}:
        return ask(lm_example.inputs["row"])


def test_after({only_fixture}):
    with {inside}:
        assert ask("row-1") == "MOCKED!"


@pytest.mark.lm_suite(dataset=rows(lambda n: f"row-{{n}} is " + ("odd" if n % 2 else "even")),
                      metric=metrics.exact_match, threshold=1.0)
def test_real(lm_example):
    return ask(lm_example.inputs["row"])
"""
FIXTURE = """
@pytest.fixture
def mock():
    with mocked():
        yield
"""
# pytester forgets what its inner run imports first, so these tools are imported above
TRANSPORTS = [
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpx2.HTTPTransport, "handle_request"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
]
ORIGINALS = [vars(kind)[method] for kind, method in TRANSPORTS]


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    """A provider that answers what is not mocked."""
    with ProviderServer(rate_limit=never).running() as serving:
        yield serving


@pytest.fixture
def asking(pytester: pytest.Pytester, server: ProviderServer) -> Asking:
    """A project that asks it."""
    project = Project(pytester)
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    return Asking(project=project, server=server)


@pytest.mark.parametrize("ask", [ASK, ASK_ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("tool", "where"),
    [
        ("pytest-httpx", "before"),
        ("respx", "before"),
        ("respx", "inside"),
        ("vcrpy", "before"),
        ("vcrpy", "inside"),
    ],
)
def test_a_mock_answers_unrecorded_and_is_gone_afterwards(
    tool: str, where: str, ask: str, asking: Asking
) -> None:
    """The next suite's calls are real, and recorded; nothing is left behind."""
    project, has_fixture = asking.project, where == "before"
    asking.write(PIPELINE.format(ask=ask))
    project.write("cassette.yaml", CASSETTE.format(url=asking.server.url, answer=ANSWER))
    made = tool != "pytest-httpx" and has_fixture
    project.write(
        "test_it.py",
        SUITES.format(
            mock=MOCKS[tool] + (FIXTURE if made else ""),
            fixture=", mock" if has_fixture else "",
            only_fixture="mock" if has_fixture else "",
            inside="nullcontext()" if has_fixture else "mocked()",
        ),
    )
    plugins = ("-p", "pytest_httpx") if tool == "pytest-httpx" else ()
    project.run(*plugins).assert_outcomes(passed=3)
    assert asking.seen == 4
    replay = project.run(*plugins, "--lm-cache=replay", "--lm-record=records")
    replay.assert_outcomes(passed=3)
    assert asking.seen == 4
    texts = [
        path.read_text(encoding="utf-8") for path in (project.path / "records").rglob("*.jsonl")
    ]
    assert "MOCKED!" not in "".join(texts)
    # a thread that another test left behind may hold the hooks a little longer
    wait_until(lambda: [vars(kind)[method] for kind, method in TRANSPORTS] == ORIGINALS)
