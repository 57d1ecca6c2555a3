"""A provider's error, sorted: worth another try, a refusal, or a model that can't be used."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from pytest_lmopt.errors import ModelError, RefusedError, TransientError
from pytest_lmopt.safe_text import redact
from pytest_lmopt.wire import Request

Kind = Literal["filtered", "too long", "locked", "unknown model"]

_NO_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTERED = frozenset({"content_filter", "content_policy_violation"})
_TOO_LONG = frozenset({"context_length_exceeded", "string_above_max_length"})
_BUSY = (429, 529)
"""Too many requests; the second is a provider's own number for being overloaded."""
_SHOWN = 500


@dataclass(frozen=True, kw_only=True)
class ErrorReport:
    """What a provider reports: HTTP status, its own codes, the first line of its message.

    ``name`` is the error's class. ``kinds`` are what a client found out otherwise. Header names
    are in lower case.
    """

    name: str
    status: int | None
    codes: frozenset[str]
    message: str
    headers: Mapping[str, str]
    kinds: frozenset[Kind] = frozenset()

    @property
    def is_filtered(self) -> bool:
        """Whether a content filter refused the request."""
        return bool(self.codes & _FILTERED) or "filtered" in self.kinds


def first_line(text: str) -> str:
    """Shorten a message to its first line, with secrets hidden."""
    # secrets are hidden before the text is cut: half a key is not recognisable as one
    return redact(text.split("\n", maxsplit=1)[0][: 10 * _SHOWN])[:_SHOWN]


def refused_key(model: str) -> str:
    """Say that the provider refused a key that was there."""
    return f"the provider of {model!r} refused the key; check it, or use --lm-model=local"


def model_error(
    report: ErrorReport, model: str, *, credentials: Callable[[str], str] = refused_key
) -> ModelError | None:
    """Return the error that any request to this model would meet, or None.

    ``credentials`` says what is wrong with the model's key.
    """
    if report.codes & _FILTERED:
        return None  # some providers refuse with status 403
    if report.status == 402 or report.codes & _NO_QUOTA:
        return ModelError(
            f"the account behind {model!r} has no quota left ({report.message}); add credit or "
            "raise its limit, or use another model. Answers already given are recorded",
            model=model,
        )
    if report.status in (401, 403) or "locked" in report.kinds:
        return ModelError(f"{credentials(model)} ({report.message})", model=model)
    if report.status == 404 or "unknown model" in report.kinds:
        return ModelError(
            f"the provider knows no model {model!r} ({report.message}); check --lm-model",
            model=model,
        )
    return None


def request_error(report: ErrorReport, request: Request) -> RefusedError | TransientError:
    """Return the error of this request alone."""
    said = f"{report.name}: {report.message}"
    if report.is_filtered:
        return RefusedError(f"refused by the provider's content filter ({said})", request=request)
    if report.status in (400, 413, 422):
        if report.codes & _TOO_LONG or "too long" in report.kinds:
            return RefusedError(f"too long for {request.model} ({said})", request=request)
        return RefusedError(said, request=request)
    return TransientError(
        said,
        request=request,
        rate_limited=report.status in _BUSY,
        retry_after=retry_after(report.headers, now=time.time()),
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
