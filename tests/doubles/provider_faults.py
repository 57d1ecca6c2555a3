"""The faults a provider can have, by what should come of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from doubles.openai_server import Fault


def altered(*, finish_reason: str = "stop", **message: Any) -> Callable[[dict[str, Any]], str]:
    """The completion with another finish reason or other fields in its message."""

    def body(completion: dict[str, Any]) -> str:
        (choice,) = completion["choices"]
        choice["finish_reason"] = finish_reason
        choice["message"].update(message)
        return json.dumps(completion)

    return body


def _replaced(**fields: Any) -> Callable[[dict[str, Any]], str]:
    return lambda completion: json.dumps({**completion, **fields})


PASSING = {
    "rate limit": Fault(status=429),
    "rate limit with a wish in seconds": Fault(status=429, headers={"Retry-After": "0.05"}),
    "rate limit with a wish in ms": Fault(status=429, headers={"retry-after-ms": "50"}),
    "rate limit told with status 200": Fault(
        body=lambda _: json.dumps({"error": {"message": "slow down", "code": 429}})
    ),
    "rate limit by another number": Fault(status=529),
    "request time-out": Fault(status=408),
    "internal error": Fault(status=500),
    "bad gateway": Fault(status=502),
    "overloaded": Fault(status=503, headers={"Retry-After": "0.05"}),
    "gateway time-out": Fault(status=504),
    "error told with status 200": Fault(body=lambda _: '{"error": {"message": "upstream"}}'),
    "slow answer": Fault(seconds=20.0),
    "connection dropped": Fault(status=0),
    "connection reset": Fault(status=-1),
    "connection dropped in the middle": Fault(cut=True),
    "truncated JSON": Fault(body=lambda completion: json.dumps(completion)[:60]),
    "no JSON": Fault(body=lambda _: "<html>maintenance</html>"),
    "JSON of another schema": Fault(body=lambda _: '{"hello": "world"}'),
    "no choices": Fault(body=_replaced(choices=[])),
    "a choice without message": Fault(body=_replaced(choices=[{"index": 0}])),
    "a list": Fault(body=lambda _: "[]"),
}
"""Worth another try; where they stay, the example is missing."""

REFUSALS = {
    "too long": (
        Fault(
            status=400,
            error={
                "message": "This model's maximum context length is 8 tokens.",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            },
        ),
        "too long for openai/simulated *maximum context length is 8*",
    ),
    "filtered": (
        Fault(status=400, error={"message": "Not this.", "code": "content_filter"}),
        "refused by the provider's content filter *Not this.*",
    ),
    "filtered with status 403": (
        Fault(status=403, error={"message": "Flagged.", "code": "content_policy_violation"}),
        "refused by the provider's content filter *Flagged.*",
    ),
    "malformed": (
        Fault(status=400, error={"message": "429 in words on a rate limit makes none."}),
        "*429 in words on a rate limit makes none*",
    ),
    "cut off by the filter": (
        Fault(body=altered(content="SHO", finish_reason="content_filter")),
        "the answer of openai/simulated was cut off by the provider's content filter*",
    ),
    "no content": (
        Fault(body=altered(content=None)),
        "openai/simulated answered without text (finish reason 'stop')*",
    ),
}
"""The request's own doing: wrong, with these words."""

UNUSABLE = {
    "wrong key": (
        Fault(status=401, error={"message": "Incorrect API key provided"}),
        "the provider of 'openai/simulated' refused the key*Incorrect API key*",
    ),
    "no permission": (
        Fault(status=403, error={"message": "Country not supported"}),
        "the provider of 'openai/simulated' refused the key*Country not supported*",
    ),
    "unknown model": (
        Fault(status=404, error={"message": "No such model", "code": "model_not_found"}),
        "the provider knows no model 'openai/simulated'*No such model*",
    ),
    "no quota": (
        Fault(status=429, error={"message": "You exceeded it", "code": "insufficient_quota"}),
        "the account behind 'openai/simulated' has no quota left*You exceeded it*add credit*",
    ),
    "nothing paid": (
        Fault(status=402, error={"message": "Payment required"}),
        "the account behind 'openai/simulated' has no quota left*Payment required*",
    ),
}
"""The model can't be used at all, with these words."""
