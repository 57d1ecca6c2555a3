"""Error responses of all dialects, sorted by the rules that hold for litellm's errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.dialects.json_bodies import error_words, json_object, mapping
from pytest_lmopt.lm.dialects.protocol import HttpResponse
from pytest_lmopt.lm.faults.error_report import (
    ErrorReport,
    Kind,
    first_line,
    model_error,
    request_error,
)
from pytest_lmopt.wire import Request

_NAMES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    408: "Timeout",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
    529: "OverloadedError",
}
_TOO_LONG = ("prompt is too long", "input is too long")
"""Words of providers that send no code of its own; these begin the message."""
_NO_CREDIT = "your credit balance is too low"
_SHOWN_BODY = 2_000


def error_of(request: Request, response: HttpResponse) -> LmoptError:
    """Sort a response with an error's status; secrets in its words are hidden."""
    body = json_object(response.body) or {}
    said = error_words(body) or response.body[:_SHOWN_BODY].decode("utf-8", "replace").strip()
    report = ErrorReport(
        name=_NAMES.get(response.status, f"HTTP {response.status}"),
        status=response.status,
        codes=frozenset(_codes(body, said)),
        message=first_line(said),
        headers=response.headers,
        kinds=frozenset(_kinds(said)),
    )
    return model_error(report, request.model) or request_error(report, request)


def _codes(body: Mapping[str, Any], said: str) -> Iterator[str]:
    error = mapping(body.get("error"))
    for holder in (error, body, mapping(error.get("innererror"))):
        for name in ("code", "type"):
            yield str(holder.get(name) or "")
    if said.lower().startswith(_NO_CREDIT):
        yield "billing_not_active"


def _kinds(said: str) -> Iterator[Kind]:
    if said.lower().startswith(_TOO_LONG):
        yield "too long"
