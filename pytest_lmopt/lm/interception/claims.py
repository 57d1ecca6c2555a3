"""Which requests are model calls of a run, and which run they belong to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pytest_lmopt import known_secrets
from pytest_lmopt.lm.dialects.protocol import HttpRequest
from pytest_lmopt.lm.dialects.registry import dialect_of, parsed_body
from pytest_lmopt.lm.interception.exchange import Exchange
from pytest_lmopt.lm.interception.mocks import is_mocked
from pytest_lmopt.lm.tracing import is_our_own, run_or_suite

_VERSION = re.compile(r"/v?\d.*$")


def may_claim(method: str, url: str) -> bool:
    """Tell quickly whether a request may be a model call of a run."""
    if method != "POST" or is_our_own():
        return False
    run = run_or_suite()
    if run is None:
        return False
    address = urlsplit(url)
    port = address.port or _port(address.scheme)
    return not run.rules.interception.allows(address.hostname or "", port)


def claim(request: HttpRequest, original: Callable[..., Any]) -> Exchange | None:
    """Claim a model call for its run; None for any other request.

    ``original`` is the client's transport, or what another tool put in its place.
    """
    run, body = run_or_suite(), parsed_body(request)
    dialect = dialect_of(request, body)
    if run is None or dialect is None:
        return None
    known_secrets.note_headers(request.headers)
    known_secrets.note_arguments({"url": request.url})
    known_secrets.note_environment()
    return Exchange(
        run=run,
        dialect=dialect,
        http=request,
        body=body or {},
        client=client_name(request.headers.get("user-agent", "")),
        mocked=is_mocked(original),
    )


def client_name(user_agent: str) -> str:
    """The client's name as it gives it, without its version."""
    return _VERSION.sub("", user_agent.partition(" ")[0]) or "unknown client"


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
