"""What a provider's error means: worth another try, a refusal, or a model that can't be used.

litellm guesses partly from words in the message, which may echo the prompt; so what the provider
sent, a status and a code, is looked for first, in the errors that litellm's error came from.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from pytest_lmopt import known_secrets
from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.litellm_loading import load_litellm
from pytest_lmopt.safe_text import redact
from pytest_lmopt.wire import Request

_NO_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTERED = frozenset({"content_filter", "content_policy_violation"})
_TOO_LONG = frozenset({"context_length_exceeded", "string_above_max_length"})
_PREFIXES = re.compile(r"^(?:(?:litellm\.)?(?:\w*Error|Timeout): )+")
"""What litellm puts before the provider's words, often twice."""
_SHOWN = 500
_BUSY = (429, 529)
"""Too many requests; the second is a provider's own number for being overloaded."""


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What the provider told: HTTP status, its own codes, the first line of its message."""

    status: int | None
    codes: frozenset[str]
    message: str
    headers: Mapping[str, str]


def translated(error: Exception, request: Request) -> LmoptError:
    """The error as one of ours: ``TransientError``, ``RefusedError`` or ``ModelError``."""
    known_secrets.note_error(error)
    return _of_the_model(error, request) or _of_the_request(error, request)


def _of_the_model(error: Exception, request: Request) -> ModelError | None:
    """The error that any request to this model would meet, or None."""
    known, told, model = load_litellm().exceptions, _told(error), request.model
    if told.codes & _FILTERED:
        return None  # some providers refuse with status 403
    if told.status == 402 or told.codes & _NO_QUOTA:
        return ModelError(
            f"the account behind {model!r} has no quota left ({told.message}); add credit or raise "
            "its limit, or use another model. Answers already given are recorded",
            model=model,
        )
    locked = isinstance(error, known.AuthenticationError | known.PermissionDeniedError)
    if locked or told.status in (401, 403) or _lacks_key(model, told.message):
        return ModelError(f"{_credentials(model)} ({told.message})", model=model)
    if told.status == 404 or isinstance(error, known.NotFoundError):
        return ModelError(
            f"the provider knows no model {model!r} ({told.message}); check --lm-model",
            model=model,
        )
    if isinstance(error, known.BadRequestError) and "LLM Provider NOT provided" in str(error):
        return ModelError(
            f"model {model!r} names no provider litellm knows; write it as "
            "provider/model, such as openai/gpt-4o-mini, or 'local'",
            model=model,
        )
    return None


def _of_the_request(error: Exception, request: Request) -> RefusedError | TransientError:
    known, told = load_litellm().exceptions, _told(error)
    said = f"{type(error).__name__}: {told.message}"
    if told.codes & _FILTERED or isinstance(error, known.ContentPolicyViolationError):
        return RefusedError(f"refused by the provider's content filter ({said})", request=request)
    if told.status in (400, 413, 422):
        if told.codes & _TOO_LONG or isinstance(error, known.ContextWindowExceededError):
            return RefusedError(f"too long for {request.model} ({said})", request=request)
        return RefusedError(said, request=request)
    return TransientError(
        said,
        request=request,
        rate_limited=told.status in _BUSY,
        retry_after=retry_after(told.headers, now=time.time()),
    )


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """How many seconds a provider wants left in peace, None if it does not say.

    ``headers`` have names in lower case. ``retry-after-ms`` wins over ``retry-after``, which holds
    seconds or an HTTP date. A date is compared with the answer's own ``date`` where there is one,
    as the two machines' clocks may differ, else with ``now`` (seconds since the epoch).
    """
    milliseconds, seconds = _number(headers.get("retry-after-ms")), headers.get("retry-after")
    if milliseconds is not None:
        return milliseconds / 1000
    if seconds is None or _number(seconds) is not None:
        return _number(seconds)
    until, sent = _date(seconds), _date(headers.get("date"))
    return None if until is None else max(0.0, until - (now if sent is None else sent))


def _number(text: str | None) -> float | None:
    with suppress(ValueError):
        if text is not None and math.isfinite(float(text)):
            return max(0.0, float(text))
    return None


def _date(text: str | None) -> float | None:
    with suppress(ValueError, OverflowError):
        return None if text is None else parsedate_to_datetime(text).timestamp()
    return None


def _told(error: Exception) -> _Told:
    """Gathered from the error and what caused it, the provider's own answer first."""
    causes = list(_causes(error))[::-1]
    bodies = [body for cause in causes if isinstance(body := getattr(cause, "body", None), dict)]
    codes = (str(body.get(name) or "") for body in bodies for name in ("code", "type"))
    return _Told(
        status=next(filter(None, map(_status, causes)), None),
        codes=frozenset(codes),
        # secrets are hidden before the text is cut: of half a key nobody can tell that it is one
        message=redact(_PREFIXES.sub("", str(error).split("\n")[0])[: 10 * _SHOWN])[:_SHOWN],
        headers=next(filter(None, map(_headers, causes)), {}),
    )


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
    return list(load_litellm().validate_environment(model).get("missing_keys") or [])


def _credentials(model: str) -> str:
    missing = _missing_keys(model)
    if missing:
        return f"no key for model {model!r}: set {' and '.join(missing)}, or use --lm-model=local"
    return f"the provider of {model!r} refused the key; check it, or use --lm-model=local"
