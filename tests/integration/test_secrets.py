"""No key, header or other secret of the environment is ever shown or written down."""

from __future__ import annotations

import asyncio
import base64
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest
from doubles.manual_clock import ManualClock
from doubles.openai_server import Fault, OpenAIServer
from projects.shouting import Project

from pytest_lmopt import known_secrets
from pytest_lmopt.errors import ModelError
from pytest_lmopt.lm.engine.engine import Engine
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.wire import Message, Request

KEY = "sk-canary0123456789abcdef"
OTHER = "plain-canary-of-another-service"
PARTS = ("sk-canar", "89abcdef", "of-another-service")
"""Enough of a secret to know it by."""

QUOTING = (
    "Incorrect API key provided: {key}, masked sk-canar*****89abcdef. The header "
    "'Authorization: Bearer {key}' was refused"
)
"""What a provider's error may say; ``{key}`` stands for the key it was sent."""

PLAIN_TEST = """\
from pipeline import one_step

def test_plain():
    assert one_step("word") == "WORD"
"""

CLUMSY = """\
import os
import pytest
from pytest_lmopt import metrics

ROWS = [{"id": f"w{i}", "inputs": {"word": "x"}, "split": "dev"} for i in range(12)]
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}

def metric(example, prediction):
    if prediction == "broken":
        raise RuntimeError(f"refused {os.environ['SERVICE_TOKEN']}")
    return False

@pytest.mark.lm_suite(dataset=ROWS, metric=metric, threshold=1)
def test_raises(lm_example):
    raise RuntimeError(f"401 for {HEADERS} and {os.environ['SERVICE_TOKEN']}")

@pytest.mark.lm_suite(dataset=ROWS, threshold=1)
def test_asserts(lm_example):
    assert not HEADERS, f"sent {HEADERS}"

@pytest.mark.lm_suite(dataset=ROWS, metric=metric, threshold=1)
def test_returns(lm_example):
    return f"sent {HEADERS}"

@pytest.mark.lm_suite(dataset=ROWS, metric=metric)
def test_broken_metric(lm_example):
    return "broken"
"""


@pytest.fixture(autouse=True)
def _canaries(openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets in the environment, known to nobody else."""
    known_secrets.forget()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("SERVICE_TOKEN", OTHER)


def _leaks(
    project: Project,
    result: pytest.RunResult,
    *,
    own: Path | None = None,
    parts: Sequence[str] = PARTS,
) -> list[str]:
    """Where a part of a secret turned up: in what was printed, or in a file but ``own``."""
    places = {"stdout": str(result.stdout).encode(), "stderr": str(result.stderr).encode()}
    for path in project.path.rglob("*"):
        if path.is_file() and path != own and path.suffix != ".pyc":
            places[path.relative_to(project.path).as_posix()] = path.read_bytes()
    assert ".lmopt/recordings.sqlite" in places
    return [
        name
        for name, data in places.items()
        for part in parts
        if part.encode().lower() in data.lower()
    ]


REPORTS = ("--lm-report=json:lm.json", "--junitxml=junit.xml", "-vv")


@pytest.mark.parametrize(
    "options", [("--lm-snapshot-update", "--log-level=DEBUG"), ("--lm-optimize",)]
)
def test_a_run_leaves_no_secret_behind(project: Project, options: tuple[str, ...]) -> None:
    """Recordings, snapshots, reports, logs and terminal hold answers and figures, never the key."""
    searching = "--lm-optimize" in options
    project.suite("budget=Budget(calls=250), threshold=1", examples=60 if searching else 20)
    result = project.run(*options, *REPORTS)
    result.assert_outcomes(failed=1)
    assert (project.path / "lm.json").exists()
    assert _leaks(project, result) == []


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_provider_that_quotes_the_key_is_not_quoted(
    project: Project,
    openai_server: OpenAIServer,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    """Neither in a suite's report nor in the traceback of an ordinary test that calls a prompt."""
    monkeypatch.setenv("LMOPT_MODEL", "openai/simulated")
    openai_server.fault = lambda _: Fault(status=status, error={"message": QUOTING})
    project.suite("threshold=1", examples=12)
    project.write("test_plain.py", PLAIN_TEST)
    result = project.run(*REPORTS, "--showlocals")
    assert openai_server.calls > 0
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*key provided: [[]secret[]], masked [[]secret[]]. The header *"])
    assert _leaks(project, result) == []


def test_a_pipeline_that_quotes_a_secret_is_not_quoted(project: Project) -> None:
    """Exceptions, assertions, predictions and broken metrics are shown without it."""
    own = project.write("test_clumsy.py", CLUMSY)
    result = project.run(*REPORTS)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["*[[]secret[]]*"])
    assert _leaks(project, result, own=own) == []


CODED = "unheard-of-0123456789-canary"
CODED_PARTS = (
    "unheard-of-01",
    "6789-canary",
    "%75%6e%68%65%61%72%64",
    b"unheard".hex(),
    r"\\u0075\\u006e\\u0068",
    base64.b64encode(f"user:{CODED}".encode()).decode()[8:20],
)
"""Enough of that key, or of a form of it, to know it by."""

IN_CODE = """\
import pytest
import litellm
from pytest_lmopt import metrics

ROWS = [{{"id": f"w{{i}}", "inputs": {{"word": f"w{{i}}"}}, "split": "dev"}} for i in range(12)]
KEY = "unheard-of-" + "0123456789" + "-canary"

def ask(word):
    {before}
    return litellm.completion(
        model="openai/simulated", messages=[dict(role="user", content=word)], {arguments}
    ).choices[0].message.content

def metric(example, prediction):
    return metrics.Score(value=0, feedback=f"it said {{prediction}}")

@pytest.mark.lm_suite(dataset=ROWS, metric=metric, threshold=1)
def test_raises(lm_example):
    return ask(lm_example.inputs["word"])

@pytest.mark.lm_suite(dataset=ROWS, metric=metric, threshold=1)
def test_catches(lm_example):
    try:
        return ask(lm_example.inputs["word"])
    except Exception as error:
        return [str(error), repr(error)]
"""
ALL_REPORTS = ",".join(f"{kind}:lm.{kind}" for kind in ("html", "json", "md", "csv"))
WAYS = {
    "api_key": ("pass", "api_key=KEY"),
    "module": ("litellm.api_key = KEY", ""),
    "header": ("pass", "extra_headers={'X-Api-Key': KEY}"),
    "fallback": ("pass", "api_key='local', fallbacks=[dict(model='openai/other', api_key=KEY)]"),
}
EVERY_FORM = "key {key}, sent as {percent}, {base64}, {hex} and {escaped}"


@pytest.mark.parametrize("way", WAYS)
def test_a_key_that_stands_in_code_is_hidden_like_any(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """However it was given, and in whatever form the provider quotes it, in every report."""
    import litellm

    monkeypatch.setattr(litellm, "api_key", None)
    openai_server.fault = lambda _: Fault(status=400, error={"message": EVERY_FORM})
    before, arguments = WAYS[way]
    own = project.write("test_code.py", IN_CODE.format(before=before, arguments=arguments))
    result = project.run(f"--lm-report={ALL_REPORTS}", "--junitxml=junit.xml", "-vv", "--lm-debug")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*key [[]secret[]], sent as [[]secret[]]*"])
    assert openai_server.calls >= 24
    # litellm itself logs the errors that its fallbacks meet, and pytest shows what it logs
    leaks = set(_leaks(project, result, own=own, parts=CODED_PARTS))
    assert leaks - {"stdout"} == set()
    assert way == "fallback" or not leaks


def test_workers_hide_the_keys_that_they_know(
    project: Project, openai_server: OpenAIServer
) -> None:
    """The controller, which writes the reports, has never seen them."""
    openai_server.fault = lambda _: Fault(status=400, error={"message": EVERY_FORM})
    before, arguments = WAYS["api_key"]
    own = project.write("test_code.py", IN_CODE.format(before=before, arguments=arguments))
    result = project.run_apart(
        f"--lm-report={ALL_REPORTS}", "--junitxml=junit.xml", "-vv", "--lm-debug", "-n2"
    )
    result.assert_outcomes(failed=2)
    assert _leaks(project, result, own=own, parts=CODED_PARTS) == []


def test_an_answer_that_quotes_the_key_is_recorded_without_it(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Neither recordings, record files, prompts nor reports hold it, and the replay is the same."""
    openai_server.answer = lambda _: f"your key is {CODED}"
    text = IN_CODE.format(before="pass", arguments="api_key=KEY")
    own = project.write("test_code.py", text.replace("threshold=1", "threshold=0"))
    options = ("--lm-record=records", f"--lm-report={ALL_REPORTS}", "-vv")
    result = project.run("--lm-snapshot-update", *options)
    result.assert_outcomes(passed=2)
    assert (project.path / "records").exists()
    assert _leaks(project, result, own=own, parts=CODED_PARTS) == []
    calls = openai_server.calls
    again = project.run("--lm-cache=replay", "-o", "lm_record=records")
    again.assert_outcomes(passed=2)
    again.stdout.fnmatch_lines(["*holds*"])
    assert openai_server.calls == calls


def test_a_secret_has_no_place_in_a_prompt_file(project: Project) -> None:
    """Recordings and snapshots would keep it."""
    project.suite(examples=12)
    project.write(
        "shout.yaml",
        "instruction: SHOUT\ninputs: [word]\noutput: loud\nparams: {api_key: x}\n",
    )
    result = project.run()
    result.stdout.fnmatch_lines(
        ["*shout.yaml, line 4, field 'params.api_key': *would put a secret into files*"]
    )


@pytest.mark.parametrize("lm", [LiteLLM(), Engine(LiteLLM(), timeout=30.0)], ids=type)
def test_a_providers_error_brings_neither_the_key_nor_its_own_frames(
    openai_server: OpenAIServer, lm: LM
) -> None:
    """The key is hidden before the message is cut, and no chained exception holds it."""
    openai_server.fault = lambda _: Fault(status=401, error={"message": "x" * 420 + " {key}"})
    request = Request(model="openai/m", messages=(Message("user", "q"),))
    with pytest.raises(ModelError) as caught:
        asyncio.run(lm.complete(request))
    error = caught.value
    assert "canary" not in str(error)
    shown = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format()
    )
    assert "canary" not in shown
    assert (error.__cause__, error.__context__) == (None, None)
