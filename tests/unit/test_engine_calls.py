"""What our engine sends, and what it leaves to litellm. Beside litellm: test_engine_parity.py."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_lmopt.lm.engine.calls import Call, local_call, remote_call
from pytest_lmopt.lm.engine.services import SERVICES, is_known
from pytest_lmopt.lm.placeholder_keys import standing_in
from pytest_lmopt.wire import OCCURRENCE, Message, Request

KEY = "sk-simulated"
WELL = (Message("system", "Briefly."), Message("user", "Well?"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One key, and no litellm that earlier tests may have set up."""
    monkeypatch.delitem(sys.modules, "litellm", raising=False)
    for service in SERVICES.values():
        for name in (*service.bases, *service.keys, *service.unknown):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def asked(model: str = "openai/gpt-4o-mini", **params: Any) -> Call | None:
    """How a request is sent."""
    return remote_call(Request(model=model, messages=WELL, params=params))


def test_a_request_goes_to_its_provider_with_its_key() -> None:
    """The number that tells equal calls apart stays here."""
    params = {"max_tokens": 5, OCCURRENCE: 2}
    call = remote_call(Request(model="openai/gpt-4o-mini", messages=WELL, params=params))
    assert call is not None
    assert call.url == "https://api.openai.com/v1/chat/completions"
    assert call.headers == {"authorization": f"Bearer {KEY}"}
    messages = [{"role": role, "content": text} for role, text in WELL]
    assert call.body == {"model": "gpt-4o-mini", "messages": messages, "max_tokens": 5}
    assert KEY not in repr(call)


@pytest.mark.parametrize("end", ["", "/", "/chat/completions"])
def test_a_base_url_may_end_in_any_way(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with litellm."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://gateway.internal/v1{end}")
    call = asked()
    assert call is not None
    assert call.url == "http://gateway.internal/v1/chat/completions"


def test_the_organization_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By OpenAI's own variables."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-a")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-a")
    call = asked()
    assert call is not None
    assert call.headers["openai-organization"] == "org-a"
    assert call.headers["openai-project"] == "proj-a"


def test_gemini_is_asked_by_openais_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """litellm speaks Gemini's own: the address and the words differ, what is asked does not."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    call = asked("gemini/gemini-2.5-flash", max_tokens=5, temperature=0, stop=["END"])
    assert call is not None
    host = "https://generativelanguage.googleapis.com"
    assert call.url == f"{host}/v1beta/openai/chat/completions"
    assert call.headers == {"authorization": f"Bearer {KEY}"}
    assert call.body["model"] == "gemini-2.5-flash"
    assert [each["role"] for each in call.body["messages"]] == ["system", "user"]
    assert (call.body["max_tokens"], call.body["temperature"], call.body["stop"]) == (5, 0, ["END"])
    assert asked("gemini/gemini-2.5-flash", reasoning_effort="low") is None
    monkeypatch.setenv("GEMINI_API_BASE", "http://gateway.internal")
    assert asked("gemini/gemini-2.5-flash") is None


@pytest.mark.parametrize("prefix", ["ollama", "ollama_chat"])
def test_ollama_applies_the_models_own_template(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no key, and its own parameters are litellm's."""
    monkeypatch.setenv("OLLAMA_API_BASE", "http://gpu:11434")
    call = asked(f"{prefix}/llama3", max_tokens=5, seed=1)
    assert call is not None
    assert call.url == "http://gpu:11434/v1/chat/completions"
    assert (call.body["model"], call.body["max_tokens"], call.body["seed"]) == ("llama3", 5, 1)
    assert asked(f"{prefix}/llama3", num_ctx=4096) is None


def test_azures_deployment_stands_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the version of its protocol; a base with a path of its own is litellm's."""
    monkeypatch.setenv("AZURE_API_KEY", KEY)
    monkeypatch.setenv("AZURE_API_BASE", "https://us.openai.azure.com/")
    call = asked("azure/my deployment")
    assert call is not None
    end = "/openai/deployments/my%20deployment/chat/completions?api-version=2025-02-01-preview"
    assert call.url == "https://us.openai.azure.com" + end
    assert call.headers == {"api-key": KEY}
    form = {"response_format": {"type": "json_object"}}
    assert asked("azure/mine", **form) is not None
    monkeypatch.setenv("AZURE_API_VERSION", "2023-05-15")
    assert asked("azure/mine", **form) is None
    monkeypatch.setenv("AZURE_API_VERSION", "preview")
    assert asked("azure/mine") is None


SCHEMA = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}]}}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("nonsense", {}),
        ("cohere/command-r", {}),
        ("openai/o3-pro", {}),
        ("openai/gpt-4o-search-preview", {}),
        ("openai/gpt-5-mini", {"temperature": 0}),
        ("openai/gpt-4o-mini", {"api_base": "http://other"}),
        ("openai/gpt-4o-mini", {"extra_body": {"top_k": 3}}),
        ("openai/gpt-4o-mini", {"response_format": object}),
        ("openai/gpt-4o-mini", {"tools": [TOOL]}),
        ("openai/gpt-4o-mini", {"stream": False}),
        ("groq/llama-3.3-70b-versatile", {}),
    ],
)
def test_what_the_table_lacks_is_left_to_litellm(model: str, params: dict[str, Any]) -> None:
    """Models, parameters and values, and providers without a key in its variable."""
    assert asked(model, **params) is None


@pytest.mark.parametrize("variable", ["SSL_VERIFY", "USE_LITELLM_PROXY", "ANTHROPIC_AUTH_TOKEN"])
def test_variables_of_litellms_own_leave_the_call_to_it(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They change how it asks."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    assert asked("anthropic/claude-haiku-4-5", max_tokens=5) is not None
    monkeypatch.setenv(variable, "x")
    assert asked("anthropic/claude-haiku-4-5", max_tokens=5) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("api_key", KEY), ("callbacks", ["langfuse"]), ("ssl_verify", False), ("drop_params", True)],
)
def test_litellm_that_is_set_up_in_code_asks(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users count on their keys and callbacks."""
    litellm = SimpleNamespace(ssl_verify=True, callbacks=[], api_key=None)
    monkeypatch.setitem(sys.modules, "litellm", litellm)
    assert asked() is not None
    setattr(litellm, name, value)
    assert asked() is None


def test_a_placeholder_for_a_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """litellm's error says which is missing."""
    monkeypatch.delenv("OPENAI_API_KEY")
    assert asked() is None
    with standing_in():
        assert asked() is None


def test_a_local_server_is_asked_without_a_key() -> None:
    """Whatever its file is called."""
    request = Request(model="local", messages=WELL, params={"max_tokens": 5, "top_k": 3})
    call = local_call(request, "http://127.0.0.1:1/v1", "gpt-5-Search")
    assert call is not None
    assert (call.url, call.headers) == ("http://127.0.0.1:1/v1/chat/completions", {})
    assert (call.body["model"], call.body["max_tokens"]) == ("gpt-5-Search", 5)


def test_a_model_is_known_by_its_provider() -> None:
    """Local ones are, and what names none."""
    known = ["openai/x", "gpt-4o-mini", "claude-haiku-4-5", "local", "local:a.gguf", "", None]
    assert [model for model in known if not is_known(model)] == []
    assert [model for model in ("cohere/x", "bedrock/x", "nonsense") if is_known(model)] == []
