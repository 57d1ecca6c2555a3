"""What a prompt may set of a call, and what it may not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from doubles.package_sources import calls

from pytest_lmopt import Prompt
from pytest_lmopt.blocks.plain import state_from_plain
from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.params import check_params
from pytest_lmopt.suites.prompt_file import parse_prompt
from pytest_lmopt.suites.prompt_state import PromptState

SCHEMA = {
    "$schema": "https://json-schema.org/draft-07/schema#",
    "properties": {
        "password": {"type": "string"},
        "url": {"type": "string", "format": "uri"},
        "model": {"$ref": "#/$defs/model"},
        "api_base": {"enum": ["https://a.example", None]},
    },
    "$defs": {"model": {"type": "string"}},
    "required": ["url"],
}
TOOL = {
    "type": "function",
    "function": {
        "name": "fetch",
        "description": "Fetches https://host/path, as in GET http://127.0.0.1:80",
        "parameters": SCHEMA,
        "strict": True,
    },
}
SECRET = "would put a secret into files"
WHERE = "would send prompts and the key somewhere else"
PRICE = "a prompt can't set its own price"
OTHERS = "another model's calls would not be counted"
RETRIES = "retries are made, and paid for, by the plugin"
UNKNOWN = "allowed are allowed_token_ids, "
ELSEWHERE = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("name", "value", "place", "problem"),
    [
        ("api_key", "x", "api_key", SECRET),
        ("extra_headers", {"X-Team": "a"}, "extra_headers", SECRET),
        ("headers", {}, "headers", SECRET),
        ("aws_secret_access_key", "x", "aws_secret_access_key", SECRET),
        ("azure_ad_token", "x", "azure_ad_token", SECRET),
        ("vertex_credentials", "x", "vertex_credentials", SECRET),
        ("extra_body", {"api_key": "x"}, "extra_body.api_key", SECRET),
        ("user", "sk-AbCdEf0123456789", "user", "looks like a secret"),
        ("stop", ["Bearer abcdef0123"], "stop", "looks like a secret"),
        ("model_list", [{"litellm_params": {"api_base": ELSEWHERE}}], "model_list", OTHERS),
        ("litellm_params", {"api_base": ELSEWHERE}, "litellm_params", OTHERS),
        ("models", ["x"], "models", OTHERS),
        ("fallbacks", ["x"], "fallbacks", OTHERS),
        ("extra_body", {"models": ["x"]}, "extra_body.models", OTHERS),
        ("api_base", ELSEWHERE, "api_base", WHERE),
        ("base_url", ELSEWHERE, "base_url", WHERE),
        ("extra_body", {"api_base": ELSEWHERE}, "extra_body.api_base", WHERE),
        ("aws_bedrock_runtime_endpoint", "x", "aws_bedrock_runtime_endpoint", WHERE),
        ("aws_region_name", "x", "aws_region_name", WHERE),
        ("vertex_location", "x", "vertex_location", WHERE),
        ("custom_llm_provider", "x", "custom_llm_provider", WHERE),
        ("extra_body", {"provider": {"order": ["x"]}}, "extra_body.provider", WHERE),
        ("success_callback", ["x"], "success_callback", WHERE),
        ("client", "x", "client", WHERE),
        ("input_cost_per_token", 0, "input_cost_per_token", PRICE),
        ("output_cost_per_second", 0, "output_cost_per_second", PRICE),
        ("model_info", {"input_cost_per_token": 0}, "model_info", PRICE),
        ("base_model", "local", "base_model", PRICE),
        ("custom_pricing", True, "custom_pricing", PRICE),
        ("mock_response", "yes", "mock_response", "the answer would not be the model's"),
        ("model", "x", "model", "write it as the prompt's 'model'"),
        ("n", 2, "n", "expected 1, found 2; for several answers .* set repeats= in the mark"),
        ("n", True, "n", "expected 1, found True"),
        ("extra_body", {"n": 2}, "extra_body.n", "set repeats= in the mark"),
        ("extra_body", {"max_tokens": 2}, "extra_body.max_tokens", "belongs beside 'extra_body'"),
        ("extra_body", {"extra_body": {}}, "extra_body.extra_body", "stands in 'extra_body'"),
        ("extra_body", ["x"], "extra_body", "expected a mapping, found"),
        ("stream", True, "stream", "answers are taken whole"),
        ("max_retries", 3, "max_retries", RETRIES),
        ("max_completion_tokens", 9, "max_completion_tokens", "which is what the budget counts"),
        ("num_predict", 9, "num_predict", "which is what the budget counts"),
        ("additional_drop_params", ["max_tokens"], "additional_drop_params", "budget rests on"),
        ("service_tier", "priority", "service_tier", "another tier has another price"),
        ("web_search_options", {}, "web_search_options", "a search has a price of its own"),
        ("metadata", {"a": 1}, "metadata", UNKNOWN),
        ("guardrails", ["x"], "guardrails", UNKNOWN),
        ("litellm_metadata", {}, "litellm_metadata", UNKNOWN),
        ("Temperature", 1, "Temperature", "did you mean temperature"),
        ("temperatur", 1, "temperatur", r"did you mean temperature\?$"),
        ("max_tokens", -1, "max_tokens", "from 1 to 1,000,000, found -1"),
        ("max_tokens", 10**9, "max_tokens", "from 1 to 1,000,000, found 1000000000"),
        ("max_tokens", "many", "max_tokens", "a whole number from 1 .* found 'many'"),
        ("max_tokens", None, "max_tokens", "a whole number from 1 .* found None"),
        ("temperature", -0.1, "temperature", "a number of at least 0, found -0.1"),
        ("temperature", "0", "temperature", "a number of at least 0, found '0'"),
        ("temperature", True, "temperature", "a number of at least 0, found True"),
        ("temperature", math.nan, "temperature", "a number of at least 0, found nan"),
        ("temperature", math.inf, "temperature", "a number of at least 0, found inf"),
        ("temperature", {"base_url": ELSEWHERE}, "temperature", "a number of at least 0"),
        ("top_p", 1.1, "top_p", "a number from 0 to 1, found 1.1"),
        ("seed", 1.5, "seed", "a whole number from"),
        ("stop", ["x"] * 65, "stop", "a list of at most 64 texts"),
        ("stop", ["x", {"url": "x"}], "stop[1]", "a text of at most 4,096 characters"),
        ("stop", 3, "stop", "a text, or a list of texts, found 3"),
        ("logit_bias", {"url": 1}, "logit_bias", "from token ids to biases, found 'url'"),
        ("logit_bias", {"5": "x"}, "logit_bias.5", "a number from -100 to 100, found 'x'"),
        ("logit_bias", {"5": 1, 6: 1}, "logit_bias", "that are all numbers or all texts, found"),
        ("format", "xml", "format", "expected json, found 'xml'"),
        ("think", "huge", "think", "expected one of none, minimal, low"),
        ("structured_outputs", {"json": {"$ref": ELSEWHERE}}, "structured_outputs.json.$ref",
         "a reference within the schema"),
        ("structured_outputs", {"url": "x"}, "structured_outputs.url", "not an allowed field"),
        ("stop_sequences", ["x"], "stop_sequences", "write it as stop"),
        ("response_mime_type", "x", "response_mime_type", "write it as response_format"),
        ("modalities", ["audio"], "modalities[0]", "expected text, found 'audio'"),
        ("reasoning_effort", "huge", "reasoning_effort", "expected one of none, minimal, low"),
        ("reasoning_effort", {"url": "x"}, "reasoning_effort.url", "not an allowed field"),
        ("thinking", {"type": "enabled", "url": "x"}, "thinking.url", "not an allowed field"),
        ("reasoning", {"max_tokens": 10**9}, "reasoning.max_tokens", "not an allowed field"),
        ("safety_settings", [{"url": "x"}], "safety_settings[0].url", "not an allowed field"),
        ("response_format", {"type": "json_object", "url": "x"}, "response_format.url", "allowed"),
        ("response_format", {"type": "json_schema", "json_schema": {"$ref": ELSEWHERE}},
         "response_format.json_schema.$ref", "a reference within the schema"),
        ("tools", [{"type": "mcp", "server_url": ELSEWHERE}], "tools[0].type", "function, found"),
        ("tools", [{**TOOL, "url": "x"}], "tools[0].url", "not an allowed field"),
        ("tools", [{"function": {"name": "x", "api_base": ELSEWHERE}}],
         "tools[0].function.api_base", "not an allowed field"),
        ("tool_choice", {"type": "function", "server": "x"}, "tool_choice.server", "allowed"),
        ("chat_template_kwargs", {"url": "x"}, "chat_template_kwargs.url", "allowed field"),
        ("chat_template", "{{ x }}", "chat_template", "did you mean chat_template_kwargs"),
    ],
)  # fmt: skip
def test_a_parameter_that_goes_too_far(name: str, value: Any, place: str, problem: str) -> None:
    """In a file or in code, it is refused when the prompt is made, with its place."""
    with pytest.raises(PromptError, match=problem) as caught:
        Prompt(name="p", instruction="x", inputs=["a"], output="b", params={name: value})
    assert caught.value.field == f"params.{place}"


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 0, "top_p": 0.9, "max_tokens": 5, "seed": 1, "stop": ["x"], "user": "u"},
        {"n": 1, "stream": False, "reasoning_effort": "low", "logit_bias": {"5": 1}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
        {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": False},
        {"extra_body": {"top_k": 5, "guided_json": SCHEMA}, "prompt_cache_key": "p"},
        {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}, "min_p": 0.05},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "verbosity": "low"},
        {"logprobs": True, "top_logprobs": 5, "frequency_penalty": -2, "seed": -1, "stop": "\n"},
        {"safety_settings": [{"category": "HARM", "threshold": "BLOCK_NONE"}]},
        {"extra_body": {"structured_outputs": {"json": SCHEMA, "disable_any_whitespace": True}}},
        {"extra_body": {"structured_outputs": {"choice": ["a", "b"]}, "bad_words": ["c"]}},
        {"extra_body": {"ignore_eos": False, "skip_special_tokens": False}},
        {"extra_body": {"allowed_token_ids": [1, 2], "include_stop_str_in_output": True}},
        {"format": "json", "think": False, "tfs_z": 1.0, "num_ctx": 8192},
        {"format": SCHEMA, "think": "high"},
        {"reasoning_format": "hidden", "safe_prompt": True, "thinking_level": "low"},
        {"logit_bias": {50256: -100, 11: 5}},
    ],
)
def test_what_shapes_an_answer_is_welcome(params: dict[str, Any]) -> None:
    """Also where a schema has properties called like an address, or a text holds one."""
    check_params(params)


@pytest.mark.parametrize(
    "model",
    [
        "openai/http://127.0.0.1:1/v1",
        "huggingface/https://host/v1",
        "oobabooga/HTTP://host",
        "https:host/x",
        "openai/x?key=1",
        "gemini/../../x",
        "gemini/x%2f..%2f",
        "bedrock/host#",
        "x\\y",
        "openai/x\ny",
        "x" * 300,
    ],
)
def test_a_model_string_holds_no_address(model: str) -> None:
    """Several providers take the server's URL from it, and would send the key there."""
    with pytest.raises(PromptError, match="field 'model': expected"):
        Prompt(name="p", instruction="x", inputs=["a"], output="b", model=model)


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o",
        "openrouter/meta-llama/llama-3.1-8b-instruct:free",
        "cloudflare/@cf/meta/llama-3.2-3b-instruct",
        "vertex_ai/claude-3-5-sonnet@20240620",
        "ft:gpt-4o-mini:my-org::abc123",
        "bedrock/arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
        "local",
        "local:~/models/m.gguf",
    ],
)
def test_model_strings_as_they_are(model: str) -> None:
    """Routes, versions, fine-tuned models and files."""
    prompt = Prompt(name="p", instruction="x", inputs=["a"], output="b", model=model)
    assert prompt.state.model == model


@pytest.mark.parametrize(
    ("params", "line", "place"),
    [
        ("{api_key: x}", 4, "api_key"),
        ("\n  temperature: 0\n  extra_body:\n    top_k: 1\n    api_base: x", 8,
         "extra_body.api_base"),
        ("\n  tools:\n  - type: function\n  - function:\n      name: x\n      url: y", 9,
         "tools[1].function.url"),
    ],
)  # fmt: skip
def test_the_place_in_the_file_is_named(params: str, line: int, place: str) -> None:
    """File, line and field, however deep."""
    text = f"instruction: x\ninputs: [a]\noutput: b\nparams: {params}\n"
    with pytest.raises(PromptError) as caught:
        parse_prompt(text, path=Path("p.yaml"))
    assert str(caught.value).startswith(f"p.yaml, line {line}, field 'params.{place}': ")


def test_a_candidate_from_elsewhere_is_checked_alike() -> None:
    """Journals, snapshots, workers and Dask messages all bring states as plain values."""
    plain: dict[str, Any] = {
        "instruction": "x", "inputs": ["a"], "outputs": ["b"], "format": "text", "template": None,
        "demos": [], "model": None, "params": {"model_list": []}, "reasoning": False,
    }  # fmt: skip
    with pytest.raises(PromptError, match=r"params\.model_list"):
        state_from_plain(plain)
    with pytest.raises(PromptError, match="field 'model'"):
        state_from_plain({**plain, "params": {}, "model": "huggingface/https://host"})


def test_every_way_to_a_state_and_to_a_request_is_known() -> None:
    """A state checks itself, and a request's parameters come from a state, or are our own."""
    assert {file for file, _ in calls("check_params")} == {"suites/prompt_state.py"}
    assert {file for file, _ in calls("PromptState")} == {
        "blocks/plain.py",  # from a journal, a worker, a cluster
        "lm/prompt.py",  # from code
        "suites/prompt_file.py",  # from a file
    }
    assert {file for file, _ in calls("Request")} == {
        "blocks/plain.py",  # a trace's, never asked
        "lm/dialects/rendering.py",  # a client's, to be read by its dialect
        "lm/interception/exchange.py",  # sent by a client, or a chat request's own parameters
        "lm/prompt.py",  # a state's
        "lm/recordings/answer.py",  # a recorded one, to be compared with
        "lm/recordings/files.py",  # a record file's, for its key alone
        "strategies/bench.py",  # a proposer's: our own parameters
    }
    with pytest.raises(PromptError):
        PromptState(instruction="x", inputs=("a",), outputs=("b",), params={"api_base": "x"})
