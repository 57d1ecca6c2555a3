"""What a direct call is recorded under: all that decides its answer, and nothing private."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from pytest_lmopt.lm.direct.identity import as_text, model_name, recorded_form
from pytest_lmopt.lm.money.usage import bound_of
from pytest_lmopt.wire import Request

SAID = [{"role": "user", "content": "hi"}]


class Team(BaseModel):
    """A schema, and a message object."""

    team: str
    note: str | None = None


def recorded(**more: Any) -> dict[str, Any]:
    """The recorded form of a call with some more arguments, without its messages."""
    form = recorded_form({"model": "openai/m", "messages": SAID, **more})
    assert form.pop("messages") == SAID
    return form


@pytest.mark.parametrize(
    "argument",
    [
        {"temperature": 0.5},
        {"seed": 1},
        {"stream": True},
        {"n": 3},
        {"max_tokens": 9},
        {"tool_choice": "auto"},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"extra_body": {"guided_choice": ["a", "b"]}},
        {"some_providers_own": 1},
    ],
)
def test_what_decides_the_answer_is_recorded(argument: dict[str, Any]) -> None:
    """Whatever it is called: what is not known to be harmless counts."""
    assert recorded(**argument) == argument


@pytest.mark.parametrize(
    "argument",
    [
        {"api_key": "sk-1"},
        {"aws_secret_access_key": "x", "aws_access_key_id": "y", "aws_session_token": "z"},
        {"azure_ad_token": "x"},
        {"vertex_credentials": "{}"},
        {"headers": {"X": "y"}, "extra_headers": {"X": "y"}},
        {"metadata": {"trace": 1}, "user": "u", "timeout": 3, "num_retries": 2},
        {"fallbacks": ["openai/other"]},
        {"litellm_call_id": "x", "_internal": True},
        {"client": object(), "logger_fn": print},
        {"temperature": None},
    ],
)
def test_keys_and_manners_of_asking_are_not(argument: dict[str, Any]) -> None:
    """Nor what was left at None, nor what is no data."""
    assert recorded(**argument) == {}


def test_the_secrets_of_a_tool_are_left_out_but_schemas_kept() -> None:
    """A parameter may be called ``token``; the header of a server that is a tool is private."""
    server = {"type": "mcp", "server_url": "u", "headers": {"X": "y"}, "authorization": "Bearer"}
    schema = {"type": "object", "properties": {"token": {"type": "string"}}}
    function = {"type": "function", "function": {"name": "f", "parameters": schema}}

    assert recorded(tools=[server, function]) == {
        "tools": [{"type": "mcp", "server_url": "u"}, function]
    }
    assert recorded(extra_body={"api_key": "sk-1", "top": 1}) == {"extra_body": {"top": 1}}


@pytest.mark.parametrize(
    ("argument", "kept"),
    [
        ({"extra_query": {"api-key": "sk-1", "v": "2"}}, {"v": "2"}),
        (
            {"model_list": [{"model_name": "m", "litellm_params": {"api_key": "sk-1", "rpm": 1}}]},
            [{"model_name": "m", "litellm_params": {"rpm": 1}}],
        ),
        ({"extra_body": {"sources": [{"login": {"kind": "x", "key": "sk-1"}}]}}, None),
        ({"extra_body": {"sources": [{"apiKey": "sk-1", "apikey": "sk-1", "n": 1}]}}, None),
        ({"tools": [{"type": "x", "server": {"headers": {"X": "sk-1"}}}]}, None),
        ({"tools": [{"function": {"properties": {"token": "sk-1"}}}]}, None),
        ({"own": Team(team="FIN").model_copy(update={"token": "sk-1"})}, {"team": "FIN"}),
    ],
)
def test_secrets_are_left_out_wherever_they_stand(argument: dict[str, Any], kept: Any) -> None:
    """In every argument and however deep: record files are committed."""
    form = recorded(**argument)
    assert "sk-1" not in str(form)
    assert form
    if kept is not None:
        assert list(form.values()) == [kept]


@pytest.mark.parametrize(
    "argument",
    [
        {"response_format": {"json_schema": {"schema": {"properties": {"token": {"x": 1}}}}}},
        {"functions": [{"parameters": {"$defs": {"key": {"properties": {"key": True}}}}}]},
        {"extra_body": {"guided_json": {"properties": {"password": {"type": "string"}}}}},
        {"tools": [{"type": "file_search", "filters": {"key": "team", "value": "FIN"}}]},
        {"prompt_variables": {"token": "what the prompt says"}},
    ],
)
def test_what_only_has_a_secrets_name_is_kept(argument: dict[str, Any]) -> None:
    """Without it, different questions would have one answer."""
    assert recorded(**argument) == argument


def test_a_nested_endpoint_is_not_told_either() -> None:
    """It counts, as that of the call does."""
    one, other = (
        recorded(model_list=[{"litellm_params": {"api_base": f"http://host:{port}"}}])
        for port in (1, 2)
    )
    assert one != other
    assert "host" not in str(one)


def test_an_endpoint_counts_without_being_told() -> None:
    """One address is one endpoint, with or without password; another port is another."""
    one, same, other = (
        recorded(api_base=url)
        for url in ("http://host:1/v1", "http://me:secret@HOST:1/v1/?x=2", "http://host:2/v1")
    )
    assert one == same != other
    assert set(one) == {"endpoint"}
    assert "host" not in str(one)
    assert recorded(base_url="http://host:1/v1") == one


def test_objects_are_recorded_as_data() -> None:
    """Messages of litellm's by what they hold, classes by their schema."""
    form = recorded_form({"model": "m", "messages": (Team(team="FIN"),), "response_format": Team})

    assert form["messages"] == [{"team": "FIN"}]
    assert form["response_format"] == {"class": "Team", "schema": Team.model_json_schema()}


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"model": "openai/m"}, "openai/m"),
        ({"model": "m", "custom_llm_provider": "azure"}, "azure/m"),
        ({"model": "azure/m", "custom_llm_provider": "azure"}, "azure/m"),
    ],
)
def test_a_model_has_one_name(arguments: dict[str, str], name: str) -> None:
    """The provider belongs to it, wherever it was given."""
    assert model_name(arguments) == name


def test_a_call_as_text_shows_all_its_words() -> None:
    """Tools first and the last message last; images by their kind only."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "what is this?"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "a cat"},
    ]

    text = as_text(recorded_form({"model": "m", "messages": messages, "tools": [call]}))

    assert [role for role, _ in text] == ["tools", "user", "assistant", "tool"]
    assert text[1].content == "what is this?\n[image_url]"
    assert '"name":"f"' in text[0].content
    assert '"name":"f"' in text[2].content
    assert text[-1].content == "a cat"
    assert as_text(recorded_form({"model": "m", "messages": []}))[-1].content == ""


@pytest.mark.parametrize(
    ("params", "most"),
    [
        ({}, 1024),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "n": 3}, 15),
    ],
)
def test_the_most_tokens_an_answer_can_have(params: dict[str, Any], most: int) -> None:
    """Assumed where the call sets no limit; for as many answers as it asks for."""
    assert bound_of(Request(model="m", messages=(), params=params)).output == most
