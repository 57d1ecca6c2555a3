"""Which parameters a prompt may set: those of the answer, not who is asked, as whom, how often."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_lmopt.errors import PromptError
from pytest_lmopt.safe_text import redact
from pytest_lmopt.suites.canonical import canonical_json

_SECRET = re.compile(
    r"api_?key|(?:access|private|secret|subscription)_key|secret|passw|credential|auth(?!or)"
    r"|headers?$|cookie|(?:^|_)(?:access|ad|api|bearer|hf|id|refresh|session)_token$|^token$",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"(?:^|_)(?:base|base_url|url|endpoint|provider|client|proxy|proxies|callbacks?)$",
    re.IGNORECASE,
)
_OURS = {
    "model": "write it as the prompt's 'model'",
    "messages": "they are made from instruction, demos and template",
    "n": "for several answers to each example, set repeats= in the mark",
    "stream": "answers are taken whole",
    "timeout": "it is fixed",
    "max_completion_tokens": "write it as max_tokens, which is what the budget counts",
    "max_output_tokens": "write it as max_tokens, which is what the budget counts",
    "best_of": "several answers to one call would not be counted",
    "num_retries": "retries are made, and paid for, by the plugin",
    "max_retries": "retries are made, and paid for, by the plugin",
    "fallbacks": "another model's calls would not be counted",
    "context_window_fallback_dict": "another model's calls would not be counted",
}

_HARMLESS = {"n": (1,), "best_of": (1,), "stream": (False, None)}


def check_params(params: Mapping[str, Any]) -> None:
    """Raise ``PromptError`` for a parameter that no prompt may have.

    Keys and headers would be kept in prompt files and recordings. Another address would be sent
    the key of the usual one. What repeats or redirects a call would escape the budget.
    """
    most = params.get("max_tokens", 1)
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise PromptError(
            f"'max_tokens' must be a positive whole number, found {most!r}", field="params"
        )
    beneath = params.get("extra_body")
    if isinstance(beneath, Mapping):  # sent beside the others, it wins over them
        check_params({str(name): value for name, value in beneath.items()})
        if "max_tokens" in beneath:
            raise PromptError("'max_tokens' belongs beside 'extra_body', not in it", field="params")
    for name in params:
        if name in _OURS and params[name] not in _HARMLESS.get(name, ()):
            raise PromptError(f"{name!r} can't be set here: {_OURS[name]}", field="params")
        if _SECRET.search(name):
            raise PromptError(
                f"{name!r} would put a secret into files and recordings; set the provider's "
                "environment variable instead, such as OPENAI_API_KEY",
                field="params",
            )
        if _WHERE.search(name):
            raise PromptError(
                f"{name!r} would send prompts and the key somewhere else; set the provider's "
                "environment variable instead, such as OPENAI_BASE_URL",
                field="params",
            )
        written = canonical_json(params[name])
        if redact(written) != written:
            raise PromptError(
                f"{name!r} holds what looks like a secret; params are kept in files and recordings",
                field="params",
            )
