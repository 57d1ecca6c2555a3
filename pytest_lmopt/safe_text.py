"""Text made fit to be shown: control characters written out, secrets hidden."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from pytest_lmopt.known_secrets import carried, is_telling, known, note_error

HIDDEN = "[secret]"

_SHAPES = re.compile(
    r"""
      (?<![\w\-])(?:sk|pk|rk|gsk|hf|ghp|gho|ghs|xai|pplx|nvapi|r8|github_pat)[-_]
          (?:(?=[\w\-]*[0-9])[\w\-]{16,} | [\w\-]*(?:\*{2,}|\.{3,}|…)[\w\-]*)  # whole or masked
    | \bAIza[\w\-*]{10,} | \b(?:AKIA|ASIA)[A-Z0-9*]{10,}                       # Google, Amazon
    | \beyJ[\w\-]{8,4096}\.[\w\-]+(?:\.[\w\-]*)?                              # JSON web tokens
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                                          # user:password@
    | (?:(?<=[?&]key=)|(?<=[?&]token=)|(?<=[?&]api_key=)|(?<=[?&]api-key=))[^&\s'"]+
    """,
    re.VERBOSE,
)
_HEADER = re.compile(
    r"""(["']?\b(?:(?:proxy-)?authorization|(?:x-)?(?:goog-)?api[-_]?key)["']?\s*[:=]\s*["']?)
        (?:(?:bearer|basic|token)\s+)?[^\s"',;{}\[\]]+""",
    re.VERBOSE | re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer\s+)[\w\-.~+/=*…]{8,}", re.IGNORECASE)
_CI_SYSTEMS = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")
_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_OLD_COMMAND = re.compile(r"##(?:vso|teamcity)?\[")
"""Runners obey these wherever in a line they stand."""
_ESCAPE = re.compile(
    r"%(?P<percent>[0-9a-f]{2})|\\+x(?P<byte>[0-9a-f]{2})|\\+u(?:00|\{)(?P<code>[0-9a-f]{2})\}?"
    r"|(?P<entity>&\#?[0-9a-z]{1,8};)|\\+(?P<sign>[/\"'+=_.~-])",
    re.IGNORECASE,
)
_MOST_ESCAPES = 3
"""How often a text may have been escaped."""
_FEWEST_ENCODED = 10
"""Characters of a secret in base64 that are looked for, at least."""
_MASKED = re.compile(r"(?<![\w\-])([\w\-]*)(?:\*{2,}|\.{3,}|…)([\w\-]*)")


def printable(text: str) -> str:
    """The text with control characters (terminal escapes among them) written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )


def on_github() -> bool:
    """Whether what is printed is read by GitHub's runner."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def without_commands(text: str) -> str:
    """Escape a sign of each command in a text, where a CI system would obey the command.

    All that is printed goes through here, from any author, and so does the text of our errors.
    """
    if not any(os.environ.get(name) for name in _CI_SYSTEMS):
        return text
    if on_github():
        text = _COMMAND.sub(r"\1\\x3a", text)
    return _OLD_COMMAND.sub(lambda found: found[0][:-1] + r"\x5b", text)


def shown(text: str) -> str:
    """The text fit to be shown anywhere: no secrets, control characters or commands."""
    return without_commands(printable(redact(text)))


def text_of(value: object, write: Callable[[object], str] = str) -> str:
    """``str`` (or ``repr``) of anything; where that fails, its type is all there is to show."""
    try:
        return write(value)
    except Exception:
        return f"<{type(value).__name__} without text>"


def redact(text: str) -> str:
    """The text without secrets: ``[secret]`` stands where one was.

    Secrets are the values (of 8 characters or more) of environment variables named as a key,
    token, secret or password, and the keys that this process's requests carried, also where they
    are quoted with their middle masked, escaped, in base64 or in hexadecimal digits; and whatever
    looks like a key, a token, an authorization header or a password in a URL.
    """
    if not text:
        return text
    values = known()
    text = _without(text, values)
    lowered = text.lower()  # most texts have nothing that a pattern could begin with
    if "key" in lowered or "authorization" in lowered:
        text = _HEADER.sub(lambda found: found[1] + HIDDEN, text)
    if "bearer" in lowered:
        text = _BEARER.sub(lambda found: found[1] + HIDDEN, text)
    text = _SHAPES.sub(HIDDEN, text)
    if not any(mask in text for mask in ("**", "...", "…")):
        return text

    def unmasked(found: re.Match[str]) -> str:
        head, tail = found[1], found[2]
        for value in values:
            if (len(head) > 1 and value.startswith(head)) or (
                len(tail) > 1 and value.endswith(tail)
            ):
                return HIDDEN
        return found[0]

    return _MASKED.sub(unmasked, text)


def said(error: BaseException) -> str:
    """The words of somebody's error without secrets, also those of the request that it carries."""
    note_error(error)
    return redact(text_of(error))


def hide_carried(text: str) -> str:
    """The text without the keys that this process's requests carried: for data, such as answers.

    What only looks like a secret stays: it may be what a dataset is about.
    """
    return _without(text, carried())


def through(value: Any, change: Callable[[str], str]) -> Any:
    """Plain data with every text in it changed, at any depth; names in mappings stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: through(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(through(item, change) for item in value)
    return value


def _without(text: str, values: Iterable[str]) -> str:
    telling = []
    for value in values:
        text = text.replace(value, HIDDEN)
        if is_telling(value):
            telling.append(value)
    if not telling:
        return text
    lowered = text.lower()
    for value in telling:
        for form, lowered_form in _forms(value):
            if lowered_form in lowered:
                text = re.sub(re.escape(form), HIDDEN, text, flags=re.IGNORECASE)
                lowered = text.lower()
    return _without_escaped(text, telling)


@lru_cache(maxsize=512)
def _forms(value: str) -> tuple[tuple[str, str], ...]:
    """A secret as it may be quoted, each form also in lower case, which quotes may have."""
    data = value.encode("utf-8", "surrogatepass")
    forms = [value, data.hex(), data.hex(":"), data.hex(" ")]
    forms += [quote(data, safe=""), quote_plus(data)]
    for before in range(3):  # it may stand anywhere in what was encoded
        encoded = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        whole = (before + len(data)) % 3 == 0
        inner = encoded[(before * 8 + 5) // 6 : None if whole else -1]
        if len(inner) >= _FEWEST_ENCODED:
            forms += [inner, inner.replace("+", "-").replace("/", "_")]
    return tuple((form, form.lower()) for form in dict.fromkeys(forms))


def _without_escaped(text: str, values: Iterable[str]) -> str:
    """The text without secrets of which some or all characters are escaped, however often."""
    if not any(sign in text for sign in "%\\&"):
        return text
    plain, places = text, list(range(len(text) + 1))
    hidden: list[tuple[int, int]] = []
    for _ in range(_MOST_ESCAPES):
        unescaped, kept = _unescaped(plain)
        if unescaped == plain:
            break
        plain, places = unescaped, [places[place] for place in kept]
        lowered = plain.lower()
        if len(lowered) != len(plain):
            lowered = plain
        hidden += [
            (places[found.start()], places[found.end()])
            for value in values
            for _, lower in _forms(value)
            if lower in lowered
            for found in re.finditer(re.escape(lower), lowered)
        ]
    return _cut_out(text, sorted(hidden))


def _unescaped(text: str) -> tuple[str, list[int]]:
    """The text without one layer of escapes, and where in it each character began, and its end."""
    parts: list[str] = []
    places: list[int] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        code = found["percent"] or found["byte"] or found["code"]
        said = chr(int(code, 16)) if code else found["sign"] or html.unescape(found["entity"])
        parts += [text[end : found.start()], said]
        places += [*range(end, found.start()), *([found.start()] * len(said))]
        end = found.end()
    parts.append(text[end:])
    return "".join(parts), [*places, *range(end, len(text) + 1)]


def _cut_out(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        if start >= end:
            parts += [text[end:start], HIDDEN]
        end = max(end, stop)
    return "".join([*parts, text[end:]])
