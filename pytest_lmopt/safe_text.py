"""Text made fit to be shown: control characters written out, secrets hidden."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

HIDDEN = "[secret]"

_SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY(?:_ID)?|TOKEN|SECRET|PASSWORD|PASSWD)$",
    re.IGNORECASE,
)
_SHORTEST = 8
"""Shorter values are placeholders ("none", "local"), and words of ordinary text."""

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
_MASKED = re.compile(r"(?<![\w\-])([\w\-]*)(?:\*{2,}|\.{3,}|…)([\w\-]*)")


def printable(text: str) -> str:
    """The text with control characters (terminal escapes among them) written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )


def text_of(value: object, write: Callable[[object], str] = str) -> str:
    """``str`` (or ``repr``) of anything; where that fails, its type is all there is to show."""
    try:
        return write(value)
    except Exception:
        return f"<{type(value).__name__} without text>"


def redact(text: str) -> str:
    """The text without secrets: ``[secret]`` stands where one was.

    Secrets are the values (of 8 characters or more) of environment variables named as a key,
    token, secret or password, also where a provider quotes them with their middle masked; and
    whatever looks like a key, a token, an authorization header or a password in a URL.
    """
    values = _secret_values()
    for value in values:
        text = text.replace(value, HIDDEN)
    text = _HEADER.sub(lambda found: found[1] + HIDDEN, text)
    text = _BEARER.sub(lambda found: found[1] + HIDDEN, text)
    text = _SHAPES.sub(HIDDEN, text)

    def unmasked(found: re.Match[str]) -> str:
        head, tail = found[1], found[2]
        for value in values:
            if (len(head) > 1 and value.startswith(head)) or (
                len(tail) > 1 and value.endswith(tail)
            ):
                return HIDDEN
        return found[0]

    return _MASKED.sub(unmasked, text)


def _secret_values() -> list[str]:
    """Longest first: one may be part of another."""
    found = {
        value
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST and _SECRET_VARIABLE.search(name)
    }
    return sorted(found, key=len, reverse=True)
