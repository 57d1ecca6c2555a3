"""What a prompt may set of a call, and what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_lmopt import Prompt
from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.params import check_params
from pytest_lmopt.suites.prompt_file import parse_prompt

SCHEMA = {"type": "json_schema", "json_schema": {"properties": {"password": {}, "api_key": {}}}}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("api_key", "x", "would put a secret into files"),
        ("extra_headers", {"X-Team": "a"}, "would put a secret into files"),
        ("headers", {}, "would put a secret into files"),
        ("aws_secret_access_key", "x", "would put a secret into files"),
        ("azure_ad_token", "x", "would put a secret into files"),
        ("vertex_credentials", "x", "would put a secret into files"),
        ("user", "sk-AbCdEf0123456789", "holds what looks like a secret"),
        ("extra_body", {"a": [{"b": "Bearer abcdef0123"}]}, "holds what looks like a secret"),
        ("extra_body", {"api_key": "x"}, "would put a secret into files"),
        ("api_base", "x", "would send prompts and the key somewhere else"),
        ("base_url", "x", "would send prompts and the key somewhere else"),
        ("aws_bedrock_runtime_endpoint", "x", "would send prompts and the key somewhere else"),
        ("custom_llm_provider", "x", "would send prompts and the key somewhere else"),
        ("success_callback", ["x"], "would send prompts and the key somewhere else"),
        ("model", "x", "write it as the prompt's 'model'"),
        ("n", 2, "set repeats= in the mark"),
        ("extra_body", {"n": 2}, "set repeats= in the mark"),
        ("extra_body", {"max_tokens": 2}, "belongs beside 'extra_body'"),
        ("stream", True, "answers are taken whole"),
        ("fallbacks", ["x"], "another model's calls would not be counted"),
        ("max_retries", 3, "retries are made, and paid for, by the plugin"),
        ("max_completion_tokens", 9, "which is what the budget counts"),
        ("max_tokens", -1, "must be a positive whole number, found -1"),
        ("max_tokens", "many", "must be a positive whole number, found 'many'"),
        ("max_tokens", None, "must be a positive whole number, found None"),
    ],
)
def test_a_parameter_that_goes_too_far(name: str, value: Any, problem: str) -> None:
    """In a file or in code, it is refused when the prompt is made."""
    with pytest.raises(PromptError, match=problem):
        Prompt(name="p", instruction="x", inputs=["a"], output="b", params={name: value})


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 0, "top_p": 0.9, "max_tokens": 5, "seed": 1, "stop": ["x"], "user": "u"},
        {"n": 1, "stream": False, "reasoning_effort": "low", "logit_bias": {"5": 1}},
        {"response_format": SCHEMA, "tools": [{"function": {"parameters": SCHEMA}}]},
        {"extra_body": {"top_k": 5}, "prompt_cache_key": "p", "parallel_tool_calls": False},
    ],
)
def test_what_shapes_an_answer_is_welcome(params: dict[str, Any]) -> None:
    """Also where a schema speaks of passwords."""
    check_params(params)


def test_the_place_in_the_file_is_named() -> None:
    """As for any other mistake in a prompt file."""
    text = "instruction: x\ninputs: [a]\noutput: b\nparams:\n  api_key: x\n"
    with pytest.raises(PromptError, match=r"^p\.yaml, line 4, field 'params': 'api_key' would"):
        parse_prompt(text, path=Path("p.yaml"))
