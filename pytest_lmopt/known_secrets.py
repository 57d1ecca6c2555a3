"""Secrets this process knows: those of the environment, and the keys that its requests carried.

They are kept in memory only. Whatever shows or writes text asks ``safe_text`` to hide them.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST = 8
"""Shorter values are placeholders ("none", "local"), and words of ordinary text."""

_LONG = 16
_MOST_LEVELS = 12
_VARIABLE = re.compile(
    r"(?:^|_)(?:API_?KEYS?|KEYS?(?:_ID)?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|CREDENTIALS?)$",
    re.IGNORECASE,
)
_PATHS = re.compile(r"CREDENTIALS?$", re.IGNORECASE)
_NAME = re.compile(
    r"(?:^|[_\-. ])(?:api[_-]?)?(?:key|keys|secret|secrets|token|tokens|passwd|password"
    r"|credentials?|auth|authorization|authentication|cookie|signature|sig)(?=$|[_\-. ])",
    re.IGNORECASE,
)
_COUNTS = re.compile(
    r"(?:^|_)(?:max|min|top|num|total|stop|prompt|cached|completion|input|output|budget)_|_tokens?_"
    r"|_token_ids|cache_key$",
    re.IGNORECASE,
)
_HEADERS = re.compile(r"headers?$", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_lock = threading.Lock()
_seen: set[str] = set()
_ordered: list[str] | None = None
"""Those seen, the longest first; None after a change."""
_last_read: tuple[dict[Any, Any], tuple[str, ...]] = {}, ()
"""The environment as it was read last, and its secrets."""
_noted: tuple[str, ...] = ()
"""The environment's secrets that were noted last."""


def is_telling(value: str) -> bool:
    """Whether a value differs from ordinary words in every form: it is long, or has a digit."""
    return len(value) >= _LONG or (len(value) >= SHORTEST and any(map(str.isdigit, value)))


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether an argument, a header or a field of that name holds a secret."""
    spelled = _CAPITAL.sub("_", name)
    return _NAME.search(spelled) is not None and _COUNTS.search(spelled) is None


def note(value: object) -> None:
    """Remember a secret; of an authorization header, the key in it, and user and password."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return
    scheme, blank, rest = text.strip().partition(" ")
    bare = rest.strip() if blank and scheme.lower() in _SCHEMES else text.strip()
    found = [bare, *(_basic(bare) if scheme.lower() == "basic" else ())]
    _add(each for each in found if is_telling(each))


def _add(values: Iterable[str]) -> None:
    global _ordered  # noqa: PLW0603 - as the set that it orders
    new = {*values} - _seen
    if new:
        with _lock:
            _seen.update(new)
            _ordered = None


_SCHEMES = ("bearer", "basic", "token", "apikey", "api-key", "key", "digest", "negotiate")


def _basic(encoded: str) -> Iterator[str]:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return
    yield from (user, password) if is_telling(user) and not password else (password,)


def note_arguments(arguments: object, *, levels: int = _MOST_LEVELS) -> None:
    """Remember the keys, headers and passwords in addresses among a call's arguments."""
    if levels == 0:
        return
    if isinstance(arguments, Mapping):
        for name, value in arguments.items():
            if isinstance(name, str) and _HEADERS.search(name):
                note_headers(value)
            elif isinstance(name, str) and is_secret_name(name):
                for text in _texts(value, levels):
                    note(text)
            elif name not in ("messages", "tools", "response_format"):  # what is said, not how
                note_arguments(value, levels=levels - 1)
    elif isinstance(arguments, list | tuple):
        for value in arguments:
            note_arguments(value, levels=levels - 1)
    elif isinstance(arguments, str):
        _note_address(arguments)
    elif not isinstance(arguments, int | float | type) and hasattr(arguments, "api_key"):
        note(getattr(arguments, "api_key", None))  # a provider's own client
        note_headers(getattr(arguments, "_custom_headers", None))


def note_headers(headers: Any) -> None:
    """Remember the values of headers named as a key, a token, an authorization or a cookie."""
    items = getattr(headers, "items", None)
    if callable(items):
        for name, value in items():
            shown = name.decode("latin-1") if isinstance(name, bytes) else str(name)
            if is_secret_name(shown):
                note(value)


def note_error(error: BaseException | None) -> None:
    """Remember the secrets of the requests that an error, or what it came from, carries."""
    passed: set[int] = set()
    while error is not None and id(error) not in passed:
        passed.add(id(error))
        response = getattr(error, "response", None)
        for holder in (error, response):
            for name in ("request", "request_info", "_request"):
                try:
                    request = getattr(holder, name, None)
                except Exception:  # httpx has a property that raises where there is none
                    continue
                note_headers(getattr(request, "headers", None))
                _note_address(str(getattr(request, "url", "")))
        error = error.__cause__ or error.__context__


def note_module(module: Any) -> None:
    """Remember the keys that are set on a module, such as ``litellm.api_key``."""
    for name in _names(module):
        value = getattr(module, name, None)
        if isinstance(value, str):
            note(value)
    note_headers(getattr(module, "headers", None))


def note_environment() -> None:
    """Remember the keys of the environment, which may be another one when something is shown."""
    global _noted  # noqa: PLW0603 - one for the process, as the environment
    found = _variables()
    if found is not _noted:
        _add(value for value in found if is_telling(value))
        _noted = found


def known() -> list[str]:
    """All secrets, the longest first: one may be part of another."""
    with _lock:
        found = {*_seen, *_variables()}
    return sorted(found, key=len, reverse=True)


def carried() -> Sequence[str]:
    """The secrets that requests carried, or could have, the longest first."""
    global _ordered  # noqa: PLW0603 - as the set that it orders
    with _lock:
        if _ordered is None:
            _ordered = sorted(_seen, key=len, reverse=True)
        return _ordered


def forget() -> None:
    """Forget what was seen; for tests."""
    global _ordered, _noted
    with _lock:
        _seen.clear()
        _ordered, _noted = None, ()


def _note_address(text: str) -> None:
    if "://" in text:
        for secret in _secrets_in(text):
            note(secret)


@lru_cache(maxsize=256)
def _secrets_in(address: str) -> tuple[str, ...]:
    """The password in an address, or its user, and the keys of its query."""
    try:
        parts = urlsplit(address)
        password, query = parts.password, parse_qsl(parts.query)
    except ValueError:
        return ()
    found = [value for name, value in query if is_secret_name(name)]
    if password:
        found += [unquote(password), password]
    elif parts.username:
        found.append(unquote(parts.username))
    return tuple(found)


def _variables() -> tuple[str, ...]:
    """The secrets of the environment, read again once a variable has changed."""
    global _last_read  # noqa: PLW0603 - one for the process, as the environment
    # compared as it is kept: to decode every variable for each call takes longer than the rest
    held: dict[Any, Any] = getattr(os.environ, "_data", None) or dict(os.environ)
    before, values = _last_read
    if held != before:
        before, values = _last_read = dict(held), tuple(_read_variables())
    return values


def _read_variables() -> Iterator[str]:
    for name in os.environ:  # by name: another thread may delete a variable meanwhile
        if _is_secret_variable(name):
            value = os.environ.get(name, "")
            if len(value) >= SHORTEST:
                yield from _values_of(name, value)


@lru_cache(maxsize=4096)
def _is_secret_variable(name: str) -> bool:
    return _VARIABLE.search(name) is not None


@lru_cache(maxsize=256)
def _values_of(name: str, value: str) -> tuple[str, ...]:
    """The value; those in it, where it is JSON or a list with commas; a path is none."""
    found: list[str] = [] if _PATHS.search(name) else [value]
    if value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            found += _texts(json.loads(value), _MOST_LEVELS)
    elif "," in value:
        found += [part.strip() for part in value.split(",") if is_telling(part.strip())]
    return tuple(each for each in found if len(each) >= SHORTEST)


def _texts(value: object, levels: int) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple) and levels:
        inner = value.values() if isinstance(value, Mapping) else value
        for each in inner:
            yield from _texts(each, levels - 1)
    elif hasattr(value, "get_secret_value"):  # pydantic's
        yield str(value.get_secret_value())


@lru_cache(maxsize=4)
def _names(module: Any) -> tuple[str, ...]:
    return tuple(name for name in vars(module) if name.islower() and is_secret_name(name))
