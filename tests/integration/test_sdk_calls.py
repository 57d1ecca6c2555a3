"""Model calls that pipelines make by clients of their own: seen, counted, recorded, replayed."""

from __future__ import annotations

import re
import runpy
import shutil
from collections.abc import Iterator

import httpx
import httpx2
import pytest
from doubles.manual_clock import ManualClock
from doubles.meeting import wait_until
from doubles.provider_server import ClosedPort, ProviderServer, never
from projects.asking import SEEN, Asking
from projects.shouting import Project

TRANSPORTS = [
    (kind, method)
    for module in (httpx, httpx2)
    for kind, method in (
        (module.HTTPTransport, "handle_request"),
        (module.AsyncHTTPTransport, "handle_async_request"),
    )
]
ORIGINALS = [vars(kind)[method] for kind, method in TRANSPORTS]


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    """A provider without a rate limit; a test may set one."""
    with ProviderServer(rate_limit=never).running() as serving:
        yield serving


@pytest.fixture
def asking(
    pytester: pytest.Pytester,
    server: ProviderServer,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Asking]:
    """A project on that server; no run leaves a hook behind.

    Runs of a test that takes ``clock`` wait for nothing.
    """
    clock = request.getfixturevalue("clock") if "clock" in request.fixturenames else None
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    project = Project(pytester, clock=clock)
    project.write("tox.ini", "[pytest]\npythonpath = .\n")
    yield Asking(project=project, server=server)
    # a thread that another test left behind may hold the hooks a little longer
    wait_until(lambda: [vars(kind)[method] for kind, method in TRANSPORTS] == ORIGINALS)


OPENAI = """
def ask(row):
    said = gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    assert said._request_id == "req_double"
    return words(said.choices[0].message.content)
"""
OPENAI_ASYNC = """
async def ask(row):
    said = await async_gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    return words(said.choices[0].message.content)
"""
ANTHROPIC = """
def ask(row):
    said = claude.messages.create(**chat(f"Is {row} odd?", model=CLAUDE, max_tokens=99))
    return words(said.content[0].text)
"""
ANTHROPIC_ASYNC = """
async def ask(row):
    said = await async_claude.messages.create(
        **chat(f"Is {row} odd?", model=CLAUDE, max_tokens=99)
    )
    return words(said.content[0].text)
"""
RAW = """
def ask(row):
    return words(httpx.post(**RAW, json=chat(f"Is {row} odd?")).text)
"""
RAW_ASYNC = """
async def ask(row):
    async with httpx2.AsyncClient() as client:
        return words((await client.post(**RAW, json=chat(f"Is {row} odd?"))).text)
"""
RESPONSES = """
def ask(row):
    said = gpt.responses.create(model=GPT, input=f"Is {row} odd?")
    return words(said.output_text)
"""
EMBEDDINGS = """
def ask(row):
    said = gpt.embeddings.create(model=EMBEDDING, input=f"Is {row} odd?")
    assert all(isinstance(number, float) for number in said.data[0].embedding)
    return ("even", "odd")[int(row[4:]) % 2]
"""
STREAM = """
def ask(row):
    chunks = [*gpt.chat.completions.create(**chat(f"Is {row} odd?"), stream=True)]
    assert not any(chunk.usage for chunk in chunks) and all(chunk.choices for chunk in chunks)
    parts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(parts[:3]) == row + " is "
    return words("".join(parts))
"""
STREAM_WITH_USAGE = """
async def ask(row):
    stream = await async_gpt.chat.completions.create(
        **chat(f"Is {row} odd?"), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage.prompt_tokens == 3 and not chunks[-1].choices
    return words("".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]))
"""
ANTHROPIC_STREAM = """
def ask(row):
    with claude.messages.stream(**chat(f"Is {row} odd?", model=CLAUDE, max_tokens=99)) as stream:
        parts = [*stream.text_stream]
        assert parts[:2] == [row + " ", "is "]
        return words("".join(parts))
"""
TOOLS = """
TOOL = {
    "type": "function",
    "function": {
        "name": "is_odd",
        "parameters": {
            "type": "object", "properties": {"odd": {"type": "boolean"}}, "required": ["odd"]
        },
    },
}


def ask(row):
    said = gpt.chat.completions.create(**chat(f"Is {row} odd? Call both."), tools=[TOOL])
    calls = said.choices[0].message.tool_calls
    assert said.choices[0].finish_reason == "tool_calls"
    return "odd" if json.loads(calls[0].function.arguments)["odd"] else "even"
"""
PARSE = """
from pydantic import BaseModel


class Verdict(BaseModel):
    odd: bool


def ask(row):
    said = gpt.chat.completions.parse(**chat(f"Is {row} odd?"), response_format=Verdict)
    return "odd" if said.choices[0].message.parsed.odd else "even"
"""
PIPELINES = {
    "openai": OPENAI,
    "openai async": OPENAI_ASYNC,
    "openai stream": STREAM,
    "openai stream with usage": STREAM_WITH_USAGE,
    "openai tools": TOOLS,
    "openai parse": PARSE,
    "openai responses": RESPONSES,
    "openai embeddings": EMBEDDINGS,
    "anthropic": ANTHROPIC,
    "anthropic async": ANTHROPIC_ASYNC,
    "anthropic stream": ANTHROPIC_STREAM,
    "httpx": RAW,
    "httpx2 async": RAW_ASYNC,
}


@pytest.mark.parametrize("client", PIPELINES)
def test_calls_are_counted_recorded_and_replayed(
    client: str, asking: Asking, server: ProviderServer
) -> None:
    """Calls and tokens as the server counts them; a replay opens no connection."""
    asking.write(PIPELINES[client])
    asking.run().assert_outcomes(passed=1)
    counts = server.counts()
    counted = counts["examples"].values()
    assert asking.usage["calls"] == counts["requests"] == asking.rows
    for name in ("input_tokens", "output_tokens"):
        assert asking.usage[name] == sum(example[name] for example in counted)
    before = asking.report["score"]
    assert before == 1.0
    asking.run("--lm-cache=replay").assert_outcomes(passed=1)
    assert asking.report["score"] == before
    assert asking.usage["replayed"] == asking.usage["calls"] == asking.rows
    assert server.counts()["connections"] == counts["connections"]


def test_a_rate_limit_is_waited_for_and_lowers_no_score(
    asking: Asking, server: ProviderServer, clock: ManualClock
) -> None:
    """We ask again, the client sees the answer alone."""
    server.rate_limit = lambda _, nth: nth == 1
    asking.write(OPENAI)
    asking.run().assert_outcomes(passed=1)
    assert server.counts()["statuses"] == {"200": asking.rows, "429": asking.rows}
    assert asking.report["score"] == 1.0


CATCHING = """
def ask(row):
    try:
        said = gpt.chat.completions.create(**chat(f"Is {row} odd?"))
        return words(said.choices[0].message.content)
    except Exception:
        return ("even", "odd")[int(row[4:]) % 2]
"""
CATCHING_ASYNC = """
async def ask(row):
    for client in (async_claude.messages, async_gpt.chat.completions):
        try:
            model = CLAUDE if client is async_claude.messages else GPT
            await client.create(**chat(f"Is {row} odd?", model=model, max_tokens=9))
        except Exception:
            pass
    return ("even", "odd")[int(row[4:]) % 2]
"""


@pytest.mark.parametrize("ask", [OPENAI, CATCHING, CATCHING_ASYNC], ids=["plain", "sync", "async"])
def test_a_budget_holds_whatever_the_pipeline_catches(ask: str, asking: Asking) -> None:
    """The server sees no more requests than the budget has."""
    asking.rows = 12
    asking.write(ask, "budget=Budget(calls=5)")
    asking.run().stdout.fnmatch_lines(["budget-stopped: *"])
    # a call that has its reservation may end with the run before it is sent
    assert asking.seen <= 5


PRICE = "--lm-prices=localhost/gpt-4o-mini 1000 2000"


def test_a_dollar_limit_holds_at_the_users_own_price(asking: Asking) -> None:
    """A call costs 1.5 cents: three words at 0.1 cents, six at 0.2."""
    asking.rows = 12
    asking.write(OPENAI.replace('odd?"', 'odd?", max_tokens=10'), "budget=Budget(usd=0.2)")
    result = asking.run(PRICE, "--lm-concurrency=1")
    # a call may cost up to 5 cents, so the last one is made at 15 cents
    result.stdout.fnmatch_lines(["budget-stopped: *", "*: 11 calls, $0.1650 of $0.2 *"])
    assert asking.seen == 11


def test_a_call_without_an_end_reserves_all_that_its_model_can_say(asking: Asking) -> None:
    """The dollars left do not suffice for that, so no call is made."""
    asking.write(OPENAI, "budget=Budget(usd=0.2)")
    asking.run(PRICE).stdout.fnmatch_lines(["budget-stopped: *"])
    assert asking.seen == 0


REFUSED = """
def ask(row):
    try:
        gpt.chat.completions.create(**chat(f"Is fail-400 odd, and {row}?"))
    except openai.BadRequestError as refusal:
        assert refusal.status_code == 400 and "as fail-400 asks" in refusal.message
    try:
        claude.messages.create(**chat(f"Is fail-400 odd, and {row}?", model=CLAUDE, max_tokens=9))
    except anthropic.BadRequestError as refusal:
        assert refusal.body["error"]["type"] == "invalid_request_error"
        return ("even", "odd")[int(row[4:]) % 2]
"""


def test_a_refusal_is_recorded_and_replayed_as_the_same_error(
    asking: Asking, server: ProviderServer
) -> None:
    """With its class, status and body."""
    asking.write(REFUSED)
    asking.run().assert_outcomes(passed=1)
    assert server.counts()["statuses"] == {"400": 2 * asking.rows}
    asking.run("--lm-cache=replay").assert_outcomes(passed=1)
    assert asking.seen == 2 * asking.rows
    assert asking.report["score"] == 1.0


@pytest.mark.parametrize("ask", [REFUSED, ANTHROPIC_STREAM], ids=["refused", "stream"])
def test_committed_records_replay_without_the_state_folder(
    ask: str, asking: Asking, server: ProviderServer
) -> None:
    """As on another machine: no connection, the same scores, the same files."""
    asking.write(ask)
    asking.run("--lm-record=records").assert_outcomes(passed=1)
    connections, files = server.counts()["connections"], asking.project.files(["records"])
    assert files
    shutil.rmtree(asking.project.path / ".lmopt")
    replay = asking.run("--lm-cache=replay", "--lm-record=records")
    replay.assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0
    assert asking.project.files(["records"]) == files
    assert server.counts()["connections"] == connections


def test_a_key_that_is_not_accepted_ends_the_suite(asking: Asking) -> None:
    """With an error that says so, whatever the pipeline catches."""
    asking.write(CATCHING.replace("{row} odd?", "fail-401 odd, and {row}?"))
    result = asking.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: the provider of 'localhost/gpt-4o-mini' refused the key*"])


def test_a_provider_that_stays_down_makes_runs_missing(
    asking: Asking, server: ProviderServer, clock: ManualClock
) -> None:
    """Whatever the pipeline catches; its client does not ask again on top of us."""
    asking.write(CATCHING.replace("{row} odd?", "fail-500 odd, and {row}?"), "max_missing=1.0")
    asking.run("--lm-concurrency=1")
    assert asking.report["missing"] == asking.rows
    assert server.counts()["statuses"] == {"500": 4 * asking.rows}


REFUSING = {
    "sdk": """
def ask(row):
    try:
        gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    except openai.InternalServerError as error:
        assert error.status_code == 503
        SEEN.append(row)
""",
    "raw": """
def ask(row):
    try:
        httpx.post(**RAW, json=chat(f"Is {row} odd?"))
    except httpx.ConnectError as error:
        assert error.request.url.path == "/v1/chat/completions"
        SEEN.append(row)
""",
    "raw async": """
async def ask(row):
    async with httpx2.AsyncClient() as client:
        try:
            await client.post(**RAW, json=chat(f"Is {row} odd?"))
        except httpx2.ConnectError:
            SEEN.append(row)
""",
}
NOTING = "from projects.asking import SEEN\n"


@pytest.mark.parametrize("client", REFUSING)
def test_a_refused_connection_is_the_clients_own_error(
    client: str, asking: Asking, clock: ManualClock
) -> None:
    """Where it repeats by itself, an answer that it does not repeat."""
    with ClosedPort(0) as closed:
        asking.url = f"http://127.0.0.1:{closed.port}"
        asking.write(REFUSING[client], "max_missing=1.0", before=NOTING)
    asking.run("--lm-concurrency=1")
    assert asking.report["missing"] == asking.rows
    assert sorted(asking.noted) == [f"row-{n}" for n in range(asking.rows)]


FALLBACK = """
def ask(row):
    try:
        said = gpt.chat.completions.create(**chat(f"Is {row} odd?", model="gpt-missing"))
    except openai.NotFoundError:
        said = gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    return words(said.choices[0].message.content)
"""


def test_a_fallback_that_answers_leaves_the_run_scored(asking: Asking) -> None:
    """The first model's name alone would end the suite."""
    asking.write(FALLBACK)
    asking.run().assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0


OFFERED = """
from pytest_lmopt import Completion, FunctionLM, ToolCall


def answer(request):
    text = request.messages[-1].content
    if "call" in text:
        return Completion(text="", tool_calls=(ToolCall("call_1", "is_odd", '{"odd": true}'),))
    return "It is odd, says " + request.model


def pytest_lmopt_lm():
    return FunctionLM(answer)
"""
OF_THREE = """
TOOL = {"name": "is_odd", "parameters": {"type": "object", "properties": {}}}


def ask(row):
    tools = [{"type": "function", "function": TOOL}]
    told = gpt.chat.completions.create(**chat(f"{row}: call"), tools=tools)
    (call,) = told.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"odd": True}
    told = claude.messages.create(
        **chat(f"{row}: call", model=CLAUDE, max_tokens=9),
        tools=[{"name": "is_odd", "input_schema": TOOL["parameters"]}],
    )
    assert told.stop_reason == "tool_use" and told.content[0].input == {"odd": True}
    with claude.messages.stream(**chat(row, model=CLAUDE, max_tokens=9)) as stream:
        assert "".join(stream.text_stream).startswith("It is odd")
    assert gpt.responses.create(model=GPT, input=row).output_text.startswith("It is odd")
    chunks = gpt.chat.completions.create(**chat(row), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith("It is odd")
    return ("even", "odd")[int(row[4:]) % 2]
"""


def test_an_lm_of_the_users_own_answers_clients_in_their_dialect(asking: Asking) -> None:
    """No request is sent; committed records hold its tool calls, too."""
    asking.project.write("conftest.py", OFFERED)
    asking.write(OF_THREE)
    asking.run("--lm-record=records").assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0
    assert asking.usage["calls"] == 5 * asking.rows
    shutil.rmtree(asking.project.path / ".lmopt")
    asking.run("--lm-record=records", "--lm-cache=replay").assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0
    assert asking.seen == 0


def test_another_model_of_the_provider_takes_the_place_of_the_one_named(asking: Asking) -> None:
    """The server knows no other."""
    asking.write(OPENAI.replace('odd?"', 'odd?", model="gpt-old"'))
    asking.run("--lm-model=localhost/gpt-4o-mini").assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0


WAITING = """
sent = asyncio.Event()


async def noted(name, info):
    sent.set()


async def ask(row):
    async with httpx.AsyncClient() as client:
        def post(text, **more):
            return client.post(**RAW, json=chat(text), **more)

        first = asyncio.create_task(post("Is row-98 odd?", extensions={"trace": noted}))
        await sent.wait()
        try:
            END
        finally:
            first.cancel()
"""
ENDS = {
    "deadline": """
            async with asyncio.timeout(0.01):
                await post("Well?")""",
    "caught deadline": """
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(post("Well?"), 0.01)""",
    "sibling": """
            async with asyncio.TaskGroup() as group:
                group.create_task(post("Well?"))
                await asyncio.sleep(0.01)
                raise ValueError("a sibling's")""",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_deadline_that_ends_while_a_call_waits_for_its_turn_makes_the_run_missing(
    end: str, asking: Asking, server: ProviderServer
) -> None:
    """Another end of the call is the pipeline's own doing, and scored."""
    server.hold_after, asking.rows = 0, 1
    asking.write(WAITING.replace("END", ENDS[end].strip()), "max_missing=1.0")
    asking.run("--lm-concurrency=1")
    assert asking.report["missing"] == (0 if end == "sibling" else 1)
    assert asking.seen <= 1


SYNC_IN_COROUTINES = """
async def ask(row):
    if int(row[4:]) % EVERY == 0:
        gpt.chat.completions.create(**chat("Is row-99 odd?"))
        said = gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    else:
        await async_gpt.chat.completions.create(**chat("Is row-99 odd?"))
        said = await async_gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    return words(said.choices[0].message.content)
"""


@pytest.mark.parametrize("every", [1, 2, 5], ids=["all", "half", "few"])
def test_coroutines_that_call_a_sync_client_finish(every: int, asking: Asking) -> None:
    """Though each blocks the loop that the others run on."""
    asking.rows = 16
    asking.write(SYNC_IN_COROUTINES.replace("EVERY", str(every)))
    asking.run("--lm-concurrency=16").assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0


def test_coroutines_that_call_a_sync_client_finish_though_some_are_asked_again(
    asking: Asking, server: ProviderServer, clock: ManualClock
) -> None:
    """Their loop is blocked meanwhile."""
    server.rate_limit = lambda _, nth: nth == 1
    asking.rows = 16
    asking.write(SYNC_IN_COROUTINES.replace("EVERY", "2"))
    asking.run("--lm-concurrency=16").assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0


def test_coroutines_that_call_a_sync_client_finish_one_at_a_time(asking: Asking) -> None:
    """The turn may be another's whose loop is blocked."""
    asking.rows = 8
    asking.write(SYNC_IN_COROUTINES.replace("EVERY", "2"))
    asking.run("--lm-concurrency=1").assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0


SHARED = """
async def inner(row):
    said = await async_gpt.chat.completions.create(**chat(f"Is {row} odd?"))
    again = await async_claude.messages.create(**chat(f"Is {row} odd?", model=CLAUDE, max_tokens=9))
    return words(said.choices[0].message.content)


def ask(row):
    return asyncio.run(inner(row))
"""


def test_threads_share_an_async_client(asking: Asking) -> None:
    """Each with a loop of its own, as frameworks do behind a sync function."""
    asking.rows = 32
    asking.write(SHARED)
    asking.run("--lm-concurrency=16").assert_outcomes(passed=1)
    assert asking.report["score"] == 1.0
    assert asking.seen == asking.usage["calls"] == 2 * 32


def test_a_replay_miss_says_how_the_closest_recorded_request_differs(asking: Asking) -> None:
    """By the path in the client's own body."""
    asking.write(OPENAI)
    asking.run().assert_outcomes(passed=1)
    asking.write(OPENAI.replace('{row} odd?"', '{row} odd?", temperature=0'))
    asking.run("--lm-cache=replay").stdout.fnmatch_lines(
        [
            "*4 requests are not recorded*. Closest recorded request: temperature: expected "
            "nothing (recorded), found 0. Nothing is judged. *"
        ]
    )
    assert asking.seen == asking.rows


SCRUBBING = """
def pytest_lmopt_recorded_body(body):
    body["messages"] = [
        {**message, "content": message["content"].replace("Mrs Poe", "NAME")}
        for message in body["messages"]
    ]
    del body["seed"]
    return body
"""
NAMED = """
import random


def ask(row):
    text = f"Mrs Poe asks: is {row} odd?"
    said = gpt.chat.completions.create(**chat(text, seed=random.randrange(10**9)))
    return words(said.choices[0].message.content)
"""


def test_a_hook_scrubs_what_is_recorded_and_not_what_is_sent(
    asking: Asking, server: ProviderServer
) -> None:
    """What it removes stands in no file, and may differ in a replay."""
    asking.project.write("conftest.py", SCRUBBING)
    asking.write(NAMED)
    asking.run().assert_outcomes(passed=1)
    counted = server.counts()["examples"].values()
    assert [example["input_tokens"] for example in counted] == [6] * asking.rows
    asking.run("--lm-cache=replay", "--lm-record=records").assert_outcomes(passed=1)
    assert asking.seen == asking.rows
    (record,) = (asking.project.path / "records").rglob("*.jsonl")
    written = [*(asking.project.path / ".lmopt").rglob("*.sqlite*"), record, asking.file]
    assert not any(b"Mrs Poe" in file.read_bytes() for file in written)
    assert b"NAME asks" in record.read_bytes()


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("[body]", "returned no body: expected a JSON object or None, found list"),
        ("{1: {2}}", "raised TypeError: Object of type set is not JSON serializable"),
    ],
)
def test_a_hook_that_returns_no_body_is_an_error(
    returned: str, problem: str, asking: Asking
) -> None:
    """No request is sent."""
    hook = f"def pytest_lmopt_recorded_body(body):\n    return {returned}\n"
    asking.project.write("conftest.py", hook)
    asking.write(CATCHING)
    asking.run().stdout.fnmatch_lines([f"error: *the hook pytest_lmopt_recorded_body {problem}"])
    assert asking.seen == 0


SURFACES = """
from projects.asking import SEEN


def seen(row):
    raw = gpt.chat.completions.with_raw_response.create(**chat(f"Is {row} odd?"))
    yield raw.parse(), raw.status_code, raw.http_version, raw.content
    yield sorted(raw.headers.items())
    with gpt.chat.completions.with_streaming_response.create(**chat(f"Is {row} odd?")) as told:
        yield [*told.iter_lines()], told.request_id
    stream = gpt.chat.completions.create(**chat(f"Is {row} odd?"), stream=True)
    yield next(stream), stream.response.headers.get("content-type")
    stream.close()
    with gpt.responses.stream(model=GPT, input=f"Is {row} odd?") as stream:
        yield [*stream], stream.get_final_response()
    with gpt.chat.completions.stream(**chat(f"Is {row} odd?")) as stream:
        yield [*stream], stream.get_final_completion()
    tools = [{"name": "is_odd", "input_schema": {"type": "object", "properties": {}}}]
    asked = {**chat(f"Is {row} odd?", model=CLAUDE, max_tokens=99), "tools": tools}
    yield claude.messages.create(**asked)
    with claude.messages.stream(**asked) as stream:
        yield [*stream], stream.get_final_message()
    yield [*claude.messages.create(**asked, stream=True)]
    with httpx.stream("POST", **RAW, json=chat(f"Is {row} odd?", stream=True)) as stream:
        yield [*stream.iter_raw()], stream.headers.get("x-request-id"), stream.status_code
    for text in ("fail-400", "fail-422"):
        try:
            gpt.chat.completions.create(**chat(f"Is {text} odd?"))
        except openai.APIStatusError as error:
            yield type(error), error.message, error.body, error.code, error.request_id
    yield claude.messages.with_raw_response.create(**asked).text()


def ask(row):
    SEEN.append(repr([*seen(row)]))
    return ("even", "odd")[int(row[4:]) % 2]
"""


def _plain(told: str) -> str:
    """What does not change from one delivery to the next."""
    told = re.sub(r"\('(?:date|server|transfer-encoding|content-length)', '[^']*'\),? ?", "", told)
    return re.sub(r"0x[0-9a-f]+", "", told)


def test_a_pipeline_receives_what_it_would_without_us(asking: Asking) -> None:
    """Types, events in order, headers, errors: when they are asked for and when replayed."""
    asking.rows = 1
    asking.write(SURFACES)
    found = runpy.run_path(str(asking.project.path / "pipeline.py"))
    found["ask"]("row-0")
    (expected,) = map(_plain, SEEN)
    SEEN.clear()
    for options in ((), ("--lm-cache=replay",)):
        asking.run(*options).assert_outcomes(passed=1)
        assert [*map(_plain, asking.noted)] == [expected]


def test_a_token_limit_holds(asking: Asking) -> None:
    """Each call is charged what the server reported: three tokens in, six out."""
    asking.rows = 12
    limited = OPENAI.replace('odd?"', 'odd?", max_tokens=10')
    asking.write(limited, "budget=Budget(tokens=90)")
    result = asking.run("--lm-concurrency=1")
    result.stdout.fnmatch_lines(["budget-stopped: *", "*: 6 calls, 54 of 90 tokens (60 %)"])
    assert asking.seen == 6


def test_an_lm_of_the_users_own_that_raises_ends_the_suite(asking: Asking) -> None:
    """Whatever the pipeline catches."""
    raising = OFFERED.replace("text = request", "text = {}['x'] or request")
    asking.project.write("conftest.py", raising)
    asking.write(CATCHING)
    result = asking.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: *KeyError: 'x'*"])
    assert asking.seen == 0


BY_QUEUE = """
from queue import SimpleQueue

INBOX = SimpleQueue()
ALL = threading.Barrier(4)

def serve():
    while True:
        row, answer = INBOX.get()
        said = gpt.chat.completions.create(**chat(f"Is {row} odd?"))
        answer.put(words(said.choices[0].message.content))

threading.Thread(target=serve, daemon=True).start()

def ask(row):
    answer = SimpleQueue()
    ALL.wait(60)
    INBOX.put((row, answer))
    return answer.get()
"""


def test_calls_of_a_thread_that_a_queue_feeds_belong_to_the_suite(asking: Asking) -> None:
    """They are charged, and the report says that no trace holds them."""
    asking.write(BY_QUEUE)
    result = asking.run()
    result.assert_outcomes(passed=1)
    # of the last call, the run may be the only one that is open
    assert re.search("[1-4] calls? came from a thread that knows no run", result.stdout.str())
    assert asking.usage["calls"] == asking.rows
