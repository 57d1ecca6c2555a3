"""The parameters a prompt may set: those that shape the answer, and nothing else.

An author of a prompt file may change what is asked, but not who is asked, with which key, how
often, or at which price. litellm gives such meanings to hundreds of names, and to new ones with
each version, so this is a list of what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.errors import PromptError
from pytest_lmopt.known_secrets import is_secret_name
from pytest_lmopt.safe_text import redact
from pytest_lmopt.suites.param_values import (
    Check,
    biases,
    either,
    listed,
    mapping,
    number,
    one_of,
    schema,
    switch,
    text,
    whole,
    wrong,
)
from pytest_lmopt.suites.reading import too_deep

MOST_OUTPUT_TOKENS = 1_000_000
MOST_STOPS = 64

_LABEL = text(512)
_STOP = text(4_096)
_GRAMMAR = text(1 << 16)
_EFFORT = one_of(
    "none", "minimal", "low", "medium", "high", "xhigh", "max", "default", "auto", "disable"
)
_CHOICES = listed(_STOP, most=1_000, what="texts")
_SCHEMA_OR_JSON = either(
    "a JSON schema (a mapping), or json", (Mapping, schema), (str, one_of("json"))
)
_FUNCTION = mapping(
    {"name": _LABEL, "description": text(1 << 16), "parameters": schema, "strict": switch}
)
_FORMAT = mapping(
    {
        "type": one_of("text", "json_object", "json_schema"),
        **dict.fromkeys(("json_schema", "schema", "response_schema"), schema),
        **dict.fromkeys(("strict", "enforce_validation"), switch),
    }
)


def _format(value: Any, place: str) -> None:
    # a class that makes its own schema, as litellm takes it
    if not (isinstance(value, type) and hasattr(value, "model_json_schema")):
        _FORMAT(value, place)


_SAMPLING: Mapping[str, Check] = {
    "temperature": number(0),
    **dict.fromkeys(("top_p", "min_p", "top_a", "typical_p"), number(0, 1)),
    "tfs_z": number(0, 2),
    "top_k": whole(-1, 1_000_000),
    "seed": whole(-(2**63), 2**63 - 1),
    "stop": either(
        "a text, or a list of texts",
        (str, _STOP),
        ((list, tuple), listed(_STOP, most=MOST_STOPS, what="texts")),
    ),
    "stop_token_ids": listed(whole(0, 2**31), most=MOST_STOPS, what="token ids"),
    "allowed_token_ids": listed(whole(0, 2**31), most=100_000, what="token ids"),
    "bad_words": _CHOICES,
    **dict.fromkeys(("frequency_penalty", "presence_penalty"), number(-2, 2)),
    **dict.fromkeys(("repetition_penalty", "repeat_penalty"), number(0, 100)),
    "repeat_last_n": whole(-1, 1_000_000),
    "mirostat": whole(0, 2),
    **dict.fromkeys(("mirostat_tau", "mirostat_eta"), number(0, 100)),
    "logit_bias": biases,
    "logprobs": switch,
    "top_logprobs": whole(0, 20),
    "min_tokens": whole(0, MOST_OUTPUT_TOKENS),
    "num_ctx": whole(1, 10_000_000),
}
_FORM: Mapping[str, Check] = {
    "response_format": _format,
    "guided_json": schema,
    **dict.fromkeys(("guided_regex", "guided_grammar", "grammar"), _GRAMMAR),
    "guided_choice": _CHOICES,
    "structured_outputs": mapping(
        {
            "json": schema,
            **dict.fromkeys(("regex", "grammar", "whitespace_pattern"), _GRAMMAR),
            "choice": _CHOICES,
            **dict.fromkeys(
                ("json_object", "disable_any_whitespace", "disable_additional_properties"), switch
            ),
        }
    ),
    "format": _SCHEMA_OR_JSON,
    **dict.fromkeys(("skip_special_tokens", "spaces_between_special_tokens", "ignore_eos"), switch),
    "include_stop_str_in_output": switch,
    "modalities": listed(one_of("text"), most=1, what="kinds"),
    "verbosity": one_of("low", "medium", "high"),
}
_THINKING: Mapping[str, Check] = {
    "reasoning_effort": either(
        "an effort, such as low, medium or high",
        (str, _EFFORT),
        (Mapping, mapping({"effort": _EFFORT, "summary": _LABEL})),
    ),
    "thinking": mapping(
        {
            "type": one_of("enabled", "disabled", "adaptive"),
            "budget_tokens": whole(0, MOST_OUTPUT_TOKENS),
            "display": _LABEL,
        }
    ),
    "reasoning": mapping({"effort": _EFFORT, "exclude": switch, "enabled": switch}),
    **dict.fromkeys(("include_reasoning", "enable_thinking"), switch),
    "think": either("true, false or an effort", (bool, switch), (str, _EFFORT)),
    "thinking_level": _EFFORT,
    "reasoning_format": one_of("hidden", "parsed", "raw", "none", "auto"),
    "thinking_budget": whole(-1, MOST_OUTPUT_TOKENS),
    "chat_template_kwargs": mapping(
        {
            **dict.fromkeys(
                ("enable_thinking", "thinking", "preserve_thinking", "add_generation_prompt"),
                switch,
            ),
            "thinking_budget": whole(-1, MOST_OUTPUT_TOKENS),
            "reasoning_effort": _EFFORT,
        }
    ),
}
_TOOLS: Mapping[str, Check] = {
    "tools": listed(
        mapping({"type": one_of("function"), "function": _FUNCTION}), most=128, what="functions"
    ),
    "tool_choice": either(
        "a choice, such as auto",
        (str, one_of("auto", "none", "required", "any")),
        (Mapping, mapping({"type": one_of("function"), "function": mapping({"name": _LABEL})})),
    ),
    "parallel_tool_calls": switch,
}
_BESIDE: Mapping[str, Check] = {
    **dict.fromkeys(("user", "safety_identifier", "prompt_cache_key"), _LABEL),
    "safety_settings": listed(
        mapping(dict.fromkeys(("category", "threshold", "method"), _LABEL)),
        most=64,
        what="settings",
    ),
    "service_tier": one_of("default", "flex"),
    "store": one_of(False),
    "safe_prompt": switch,
    **dict.fromkeys(("n", "best_of"), one_of(1)),
    "stream": either("false", (bool, one_of(False)), (type(None), one_of(None))),
}
_BENEATH: Mapping[str, Check] = {**_SAMPLING, **_FORM, **_THINKING, **_TOOLS, **_BESIDE}

ALLOWED = (*sorted(_BENEATH), "max_tokens", "extra_body")
"""Names of all parameters that a prompt may set."""

_ADVICE = {
    "model": "write it as the prompt's 'model'",
    "messages": "they are made from instruction, demos and template",
    "n": "for several answers to each example, set repeats= in the mark",
    "best_of": "several answers to one call would not be counted",
    "stream": "answers are taken whole",
    "timeout": "set --lm-timeout",
    "max_tokens": "it belongs beside 'extra_body', not in it",
    "extra_body": "it stands in 'extra_body' already",
    **dict.fromkeys(
        ("max_completion_tokens", "max_output_tokens", "num_predict"),
        "write it as max_tokens, which is what the budget counts",
    ),
    **dict.fromkeys(
        ("num_retries", "max_retries"), "retries are made, and paid for, by the plugin"
    ),
    **dict.fromkeys(
        ("fallbacks", "context_window_fallback_dict", "models", "model_list", "litellm_params"),
        "another model's calls would not be counted",
    ),
    **dict.fromkeys(("functions", "function_call"), "write it as tools or tool_choice"),
    "stop_sequences": "write it as stop",
    **dict.fromkeys(("response_mime_type", "response_schema"), "write it as response_format"),
    **dict.fromkeys(
        ("drop_params", "additional_drop_params"), "the budget rests on parameters that are sent"
    ),
    "service_tier": "another tier has another price, which the budget does not know",
    "web_search_options": "a search has a price of its own, which the budget does not know",
}
_PRICE = re.compile(r"_cost(?:_|$)|^cost_|pric|^(?:base_model|model_info|rpm|tpm)$", re.IGNORECASE)
_WHERE = re.compile(
    r"(?:^|_)(?:api_base|base|url|urls|uri|endpoint|provider|client|proxy|proxies|callbacks?"
    r"|region|region_name|location|project|organization|deployment_id)$|^(?:azure|aws|vertex)_",
    re.IGNORECASE,
)


def check_params(params: Mapping[str, Any]) -> None:
    """Raise ``PromptError`` for a parameter no prompt may have, or a value that it can't have.

    The error's ``field`` is the place, such as ``params.extra_body.api_base``.
    """
    if too_deep(params):
        raise PromptError("lists and mappings stand inside each other too deep", field="params")
    for name, value in params.items():
        place = f"params.{name}"
        if name == "max_tokens":
            whole(1, MOST_OUTPUT_TOKENS)(value, place)
        elif name == "extra_body":
            if not isinstance(value, Mapping):
                raise wrong(place, "a mapping", value)
            for inner, item in value.items():
                _check(inner, item, f"{place}.{inner}")
        else:
            _check(name, value, place)
        written = canonical_json(value)
        if redact(written) != written:
            raise PromptError(
                "the value looks like a secret; params are kept in files and recordings",
                field=place,
            )


def _check(name: Any, value: Any, place: str) -> None:
    check = _BENEATH.get(name) if isinstance(name, str) else None
    if check is None:
        raise PromptError(f"not allowed here: {_reason(str(name))}", field=place)
    try:
        check(value, place)
    except PromptError as error:
        if error.field == place and name in _ADVICE:
            raise PromptError(f"{error.problem}; {_ADVICE[name]}", field=place) from None
        raise


def _reason(name: str) -> str:
    if name in _ADVICE:
        return _ADVICE[name]
    if name.startswith("mock_"):
        return "the answer would not be the model's"
    if _PRICE.search(name):
        return "a prompt can't set its own price; set the ini value lm_prices"
    if is_secret_name(name) or name.endswith(("header", "headers")):
        return (
            "it would put a secret into files and recordings; set the provider's environment "
            "variable instead, such as OPENAI_API_KEY"
        )
    if _WHERE.search(name):
        return (
            "it would send prompts and the key somewhere else; set the provider's environment "
            "variable instead, such as OPENAI_BASE_URL"
        )
    near = get_close_matches(name, ALLOWED, n=1)
    return f"did you mean {near[0]}?" if near else f"allowed are {', '.join(sorted(ALLOWED))}"
