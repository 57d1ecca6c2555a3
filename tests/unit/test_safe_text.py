"""Text made fit to be shown: what is a secret is hidden, what is none stays readable."""

from __future__ import annotations

import time

import pytest

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.safe_text import redact, text_of

KEY = "canary-0123456789-abcdef"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets whose shape says nothing."""
    monkeypatch.setenv("SOME_API_KEY", KEY)
    monkeypatch.setenv("SERVICE_PASSWORD", "correct horse battery")
    monkeypatch.setenv("SHORT_TOKEN", "local")
    monkeypatch.setenv("HARMLESS", "quite ordinary")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: [secret]."),
        ("key canary-01*******cdef is bad", "key [secret] is bad"),
        ("key canary-01...cdef is bad", "key [secret] is bad"),
        ("it ends in ****cdef", "it ends in [secret]"),
        ("login with correct horse battery failed", "login with [secret] failed"),
        ("sk-proj-AbCdEf0123456789xyz is wrong", "[secret] is wrong"),
        ("sk-AbC***********xyz is wrong", "[secret] is wrong"),
        ("Authorization: Bearer abc.def", "Authorization: [secret]"),
        ("{'x-api-key': 'abc', 'n': 1}", "{'x-api-key': '[secret]', 'n': 1}"),
        ("sent bearer abcdef0123", "sent bearer [secret]"),
        ("https://me:pass@host/v1", "https://[secret]@host/v1"),
        ("GET /v1?key=abc&n=1", "GET /v1?key=[secret]&n=1"),
        ("AIzaSyA0123456789abcdef", "[secret]"),
        ("eyJhbGciOiJI.eyJzdWIi.c2ln", "[secret]"),
    ],
)
def test_secrets_are_hidden(text: str, shown: str) -> None:
    """Those of the environment by their value, masked or not; others by their shape."""
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a local model said quite ordinary things",
        "set OPENAI_API_KEY, or use --lm-model=local",
        "the bearer of bad news, a task-force, risk-free, sk-learn",
        "prompts/hf_dataset_prompts.yaml, line 4",
        "**bold** and so on ... until the end…",
        "rate limit of 10,000 tokens: token budget used up",
        "https://host/v1/chat?model=gpt",
        '{"properties": {"api_key": {"type": "string"}}}',
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """A message must still say what is wrong."""
    assert redact(text) == text


def test_hiding_takes_no_longer_than_reading() -> None:
    """No text, however odd, makes it slow."""
    began = time.monotonic()
    pieces = (
        "a", "sk-", "-", "*", ".", "eyJ", "eyJ-", "bearer ", "://a:", "api_key=", "&key=",
    )  # fmt: skip
    for piece in pieces:
        redact(piece * (100_000 // len(piece)))
    assert time.monotonic() - began < 10.0


def test_every_error_of_ours_is_fit_to_be_shown() -> None:
    """Without secrets or control characters, wherever it is raised."""
    assert str(LmoptError(f"\x1b[2J{KEY}")) == r"\x1b[2J[secret]"


def test_a_value_that_has_no_text_is_shown_as_its_type() -> None:
    """Python writes no number of over 4300 digits, and an object's own ``__str__`` may fail."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("not today")

    assert text_of(Broken()) == "<Broken without text>"
    assert text_of(10**5000) == "<int without text>"
    assert (text_of("10"), text_of("10", repr)) == ("10", "'10'")
