"""The model string a prompt may have: a provider and a model, never an address."""

from __future__ import annotations

import re

from pytest_lmopt.errors import PromptError

LONGEST = 256
_ADDRESS = re.compile(r"//|\\|\?|#|%|(?:^|[/@])(?:https?|wss?|file|ftp):|(?:^|/)\.\.?(?:/|$)", re.I)
_NAME = re.compile(r"[A-Za-z0-9][\w.\-:/@+ ]*\Z", re.ASCII)


def check_model(model: str | None) -> None:
    """Raise ``PromptError`` for a model string that holds an address.

    Several providers of litellm take the server's URL from there, and send it the key. The model of
    an option, a mark or the environment is the user's own, and is not checked.
    """
    if not model or model.startswith("local:"):
        return  # a path of a file
    if len(model) > LONGEST:
        raise PromptError(f"expected at most {LONGEST} characters", field="model")
    if _ADDRESS.search(model):
        raise PromptError(
            f"expected a model without an address, found {model!r}; it would send prompts and the "
            "key somewhere else. Set the provider's environment variable instead, such as "
            "OPENAI_BASE_URL",
            field="model",
        )
    if not _NAME.match(model):
        raise PromptError(
            f"expected a model such as openai/gpt-4o-mini, found {model!r}", field="model"
        )
