"""What a provider's error means: worth another try, a refusal, or a model that can't be used.

litellm guesses partly from words in the message, which may echo the prompt; so what the provider
sent, a status and a code, is looked for first, in the errors that litellm's error came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pytest_lmopt import known_secrets
from pytest_lmopt.errors import LmoptError, ModelError
from pytest_lmopt.lm.faults.error_report import (
    ErrorReport,
    Kind,
    first_line,
    model_error,
    refused_key,
    request_error,
)
from pytest_lmopt.lm.litellm_loading import load_litellm
from pytest_lmopt.lm.placeholder_keys import stood_in_for
from pytest_lmopt.wire import Request

_PREFIXES = re.compile(r"^(?:(?:litellm\.)?(?:\w*Error|Timeout): )+")
"""What litellm puts before the provider's words, often twice."""


def translated(error: Exception, request: Request) -> LmoptError:
    """The error as one of ours: ``TransientError``, ``RefusedError`` or ``ModelError``."""
    known_secrets.note_error(error)
    report = _reported(error, request.model)
    found = model_error(report, request.model, credentials=_credentials)
    return found or _without_provider(error, request.model) or request_error(report, request)


def _without_provider(error: Exception, model: str) -> ModelError | None:
    known = load_litellm().exceptions
    if isinstance(error, known.BadRequestError) and "LLM Provider NOT provided" in str(error):
        return ModelError(
            f"model {model!r} names no provider litellm knows; write it as "
            "provider/model, such as openai/gpt-4o-mini, or 'local'",
            model=model,
        )
    return None


def _reported(error: Exception, model: str) -> ErrorReport:
    """Gathered from the error and what caused it, the provider's own answer first."""
    causes = list(_causes(error))[::-1]
    bodies = [body for cause in causes if isinstance(body := getattr(cause, "body", None), dict)]
    codes = (str(body.get(name) or "") for body in bodies for name in ("code", "type"))
    message = first_line(_PREFIXES.sub("", str(error).split("\n")[0]))
    return ErrorReport(
        name=type(error).__name__,
        status=next(filter(None, map(_status, causes)), None),
        codes=frozenset(codes),
        message=message,
        headers=next(filter(None, map(_headers, causes)), {}),
        kinds=frozenset(_kinds(error, model, message)),
    )


def _kinds(error: Exception, model: str, message: str) -> Iterator[Kind]:
    known = load_litellm().exceptions
    locked = isinstance(error, known.AuthenticationError | known.PermissionDeniedError)
    if locked or _lacks_key(model, message):
        yield "locked"
    if isinstance(error, known.NotFoundError):
        yield "unknown model"
    if isinstance(error, known.ContentPolicyViolationError):
        yield "filtered"
    if isinstance(error, known.ContextWindowExceededError):
        yield "too long"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    response: Any = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    # litellm's stand-in for an error told with status 200 and no code: nobody refused anything
    if type(error) is Exception and status == 422:
        return 500
    with suppress(TypeError, ValueError):
        return int(status)  # type: ignore[arg-type]  # whatever it is: it may be text
    return None


def _headers(error: BaseException) -> dict[str, str]:
    response: Any = getattr(error, "response", None)
    for held in (getattr(error, "headers", None), getattr(response, "headers", None)):
        if held:
            return {str(name).lower(): str(value) for name, value in dict(held).items()}
    return {}


def _lacks_key(model: str, said: str) -> bool:
    """Whether an error is about a key that is not set: some clients report it as their own."""
    about_keys = any(word in said.lower() for word in ("api_key", "api key", "credentials"))
    return about_keys and bool(_missing_keys(model))


def _missing_keys(model: str) -> list[str]:
    missing = load_litellm().validate_environment(model).get("missing_keys") or []
    return [*missing, *stood_in_for(model)]


def _credentials(model: str) -> str:
    missing = _missing_keys(model)
    if missing:
        return f"no key for model {model!r}: set {' and '.join(missing)}, or use --lm-model=local"
    return refused_key(model)
