"""Text made fit to be shown: what is a secret is hidden, what is none stays readable."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest

from pytest_lmopt import known_secrets
from pytest_lmopt.errors import LmoptError
from pytest_lmopt.safe_text import hide_carried, redact, text_of

KEY = "canary-0123456789-abcdef"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Secrets whose shape says nothing."""
    known_secrets.forget()
    monkeypatch.setenv("SOME_API_KEY", KEY)
    monkeypatch.setenv("SERVICE_PASSWORD", "correct horse battery")
    monkeypatch.setenv("SHORT_TOKEN", "local")
    monkeypatch.setenv("HARMLESS", "quite ordinary")
    yield
    known_secrets.forget()


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
    began = time.thread_time()
    pieces = (
        "a", "sk-", "-", "*", ".", "eyJ", "eyJ-", "bearer ", "://a:", "api_key=", "&key=",
    )  # fmt: skip
    for piece in pieces:
        redact(piece * (20_000 // len(piece)))
    assert time.thread_time() - began < 2.0


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


CARRIED = "zq/A1+b2=C3~d4-unheard-of"

FORMS: list[Callable[[str], str]] = [
    str,
    str.upper,
    str.swapcase,
    lambda key: f"Bearer {key}",
    lambda key: quote(key, safe=""),
    lambda key: quote(key, safe="").lower(),
    quote_plus,
    lambda key: quote(quote(key, safe=""), safe=""),
    lambda key: "".join(f"%{byte:02X}" for byte in key.encode()),
    lambda key: json.dumps(json.dumps({"k": key})),
    lambda key: key.replace("/", "\\/"),
    lambda key: "".join(f"\\u{ord(char):04X}" for char in key),
    lambda key: "".join(f"\\x{ord(char):02x}" for char in key),
    html.escape,
    lambda key: "".join(f"&#{ord(char)};" for char in key),
    lambda key: "".join(f"&#x{ord(char):x};" for char in key),
    lambda key: key.encode().hex(),
    lambda key: key.encode().hex().upper(),
    lambda key: key.encode().hex(":"),
    lambda key: base64.b64encode(key.encode()).decode(),
    lambda key: base64.urlsafe_b64encode(f"user:{key}".encode()).decode(),
    lambda key: base64.b64encode(f'{{"k": "{key}"}}'.encode()).decode(),
    lambda key: f"{key[:4]}********{key[-4:]}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", [CARRIED, "plain0key1of2letters3"])
def test_a_key_that_a_request_carried_is_hidden_in_any_form(
    form: Callable[[str], str], key: str
) -> None:
    """Escaped, encoded or in other case: whatever a server may make of what it was sent."""
    known_secrets.note(key)
    shown = redact(f"the key <{form(key)}> was refused")
    assert "[secret]" in shown
    assert len(shown) < len("the key <[secret]> was refused") + 20
    for word in (form(key), key, key[4:12]):
        assert word.lower() not in shown.lower()


def test_the_environment_is_remembered_from_when_it_was_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A test's own variable is gone when the report is written."""
    with monkeypatch.context() as within:
        within.setenv("OTHER_API_KEY", "gone-by-then-0123")
        known_secrets.note_environment()
    assert redact("gone-by-then-0123") == hide_carried("gone-by-then-0123") == "[secret]"


@pytest.mark.parametrize(
    ("variable", "value", "secret"),
    [
        ("LLM_KEYS", '{"openai": "first-0123456", "other": ["second-0123456"]}', "second-0123456"),
        ("SERVICE_TOKENS", "first-0123456, second-0123456", "second-0123456"),
        ("GOOGLE_CREDENTIALS", '{"private_key": "second-0123456"}', "second-0123456"),
    ],
)
def test_a_variable_may_hold_several(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, secret: str
) -> None:
    """JSON, or a list with commas."""
    monkeypatch.setenv(variable, value)
    assert redact(f"refused {secret}") == "refused [secret]"


def test_a_path_to_credentials_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be what a message is about."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/credentials.json")
    assert redact("no file /home/me/credentials.json") == "no file /home/me/credentials.json"


SECRET = "unheard-of-0123456789"


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_key": SECRET},
        {"azure_ad_token": SECRET},
        {"aws_secret_access_key": SECRET},
        {"extra_headers": {"Authorization": f"Bearer {SECRET}"}},
        {"headers": {"x-api-key": SECRET}},
        {"default_headers": {"X-Goog-Api-Key": SECRET}},
        {"extra_headers": {"Authorization": "Basic " + base64.b64encode(
            f"user:{SECRET}".encode()).decode()}},
        {"headers": {"Cookie": SECRET}},
        {"api_base": f"https://user:{SECRET}@host/v1"},
        {"base_url": f"https://{SECRET}@host/v1"},
        {"base_url": f"https://host/v1?key={SECRET}"},
        {"model_list": [{"litellm_params": {"api_key": SECRET}}]},
        {"fallbacks": [{"model": "m", "api_key": SECRET}]},
        {"extra_body": {"auth": {"token": SECRET}}},
        {"vertex_credentials": {"private_key": SECRET}},
        {"client": SimpleNamespace(api_key=SECRET)},
    ],
)  # fmt: skip
def test_keys_among_a_calls_arguments_are_known(arguments: dict[str, object]) -> None:
    """As arguments, in headers, in addresses, in a client, at any depth."""
    known_secrets.note_arguments({"model": "m", "max_tokens": 12345678, **arguments})
    assert hide_carried(f"<{SECRET}> 12345678") == "<[secret]> 12345678"


@pytest.mark.parametrize(
    "arguments",
    [
        {"messages": [{"role": "user", "token": SECRET}]},
        {"max_tokens": SECRET, "prompt_cache_key": SECRET, "user": SECRET},
        {"extra_headers": {"X-Team": SECRET}},
        {"api_key": "not-needed"},
        {"api_base": "https://unheard-of-0123456789/v1"},
    ],
)
def test_what_is_no_key_is_not_taken_for_one(arguments: dict[str, object]) -> None:
    """Nor is a placeholder, which may be a word of ordinary text."""
    known_secrets.note_arguments(arguments)
    assert hide_carried(f"{SECRET} not-needed") == f"{SECRET} not-needed"


def test_an_error_brings_the_keys_of_its_request() -> None:
    """Clients of providers put the request into the errors they raise."""
    request = SimpleNamespace(headers={"x-api-key": SECRET}, url="https://host")
    error = RuntimeError("refused")
    error.__cause__ = cause = ValueError("refused")
    vars(cause)["response"] = SimpleNamespace(request=request)
    known_secrets.note_error(error)
    assert redact(f"refused {SECRET}") == "refused [secret]"


def test_data_is_shown_as_it_is() -> None:
    """What only looks like a secret may be what a dataset is about."""
    assert hide_carried("sk-proj-AbCdEf0123456789xyz") == "sk-proj-AbCdEf0123456789xyz"
