"""No key, header or other secret of the environment is ever shown or written down."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from doubles.openai_server import Fault, OpenAIServer
from projects.shouting import Project

from pytest_lmopt.errors import ModelError
from pytest_lmopt.lm.providers import LiteLLM
from pytest_lmopt.lm.seam import Request
from pytest_lmopt.suites.render import Message

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
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("SERVICE_TOKEN", OTHER)


def _leaks(project: Project, result: pytest.RunResult, *, own: Path | None = None) -> list[str]:
    """Where a part of a secret turned up: in what was printed, or in a file but ``own``."""
    places = {"stdout": str(result.stdout).encode(), "stderr": str(result.stderr).encode()}
    for path in project.path.rglob("*"):
        if path.is_file() and path != own and path.suffix != ".pyc":
            places[path.relative_to(project.path).as_posix()] = path.read_bytes()
    assert ".lmopt/recordings.sqlite" in places
    return [name for name, data in places.items() for part in PARTS if part.encode() in data]


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
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    """Neither in a suite's report nor in the traceback of an ordinary test that calls a prompt."""
    monkeypatch.setattr("pytest_lmopt.lm.faults.retries.LONGEST_WAIT_SECONDS", 0.0)
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


def test_a_secret_has_no_place_in_a_prompt_file(project: Project) -> None:
    """Recordings and snapshots would keep it."""
    project.suite(examples=12)
    project.write(
        "shout.yaml",
        "instruction: SHOUT\ninputs: [word]\noutput: loud\nparams: {api_key: x}\n",
    )
    result = project.run()
    result.stdout.fnmatch_lines(
        ["*shout.yaml, line 4, field 'params': 'api_key' would put a secret into files*"]
    )


def test_a_providers_error_brings_neither_the_key_nor_its_own_frames(
    openai_server: OpenAIServer,
) -> None:
    """The key is hidden before the message is cut, and no chained exception holds it."""
    openai_server.fault = lambda _: Fault(status=401, error={"message": "x" * 420 + " {key}"})
    request = Request(model="openai/m", messages=(Message("user", "q"),))
    with pytest.raises(ModelError) as caught:
        asyncio.run(LiteLLM().complete(request))
    error = caught.value
    assert "canary" not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
