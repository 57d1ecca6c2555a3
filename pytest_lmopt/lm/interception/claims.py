"""Which requests are model calls of a run, and which run they belong to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from pytest_lmopt import known_secrets
from pytest_lmopt.lm.dialects.protocol import HttpRequest
from pytest_lmopt.lm.dialects.registry import dialect_of, parsed_body
from pytest_lmopt.lm.interception.exchange import Exchange
from pytest_lmopt.lm.interception.mocks import is_mocked
from pytest_lmopt.lm.net.audit import sent_past
from pytest_lmopt.lm.tracing import (
    RunContext,
    is_our_own,
    our_own,
    run_or_suite,
    runs_under_way,
)

_VERSION = re.compile(r"/v?\d.*$")


def run_of(url: str) -> RunContext | None:
    """Find the run that a request belongs to; None where it is left alone."""
    run = None if is_our_own() else run_or_suite()
    return None if run is None or run.rules.interception.allows(*_place(url)) else run


def claim(run: RunContext, request: HttpRequest, original: Callable[..., Any]) -> Exchange | None:
    """Claim a model call for its run; None for any other request.

    ``original`` is the client's transport, or what another tool put in its place.
    """
    body = parsed_body(request)
    dialect = dialect_of(request, body)
    if dialect is None:
        return None
    if run.purpose == "setup" and runs_under_way():
        run.strays += 1
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


@contextmanager
def passing(run: RunContext, url: str) -> Iterator[None]:
    """Send a request that is no model call, and note where it goes.

    Raises ``ConnectionRefusedError`` where the run's rules forbid it.
    """
    sent_past(run, *_place(url))
    with our_own():
        yield


def _place(url: str) -> tuple[str, int]:
    address = urlsplit(url)
    return address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
