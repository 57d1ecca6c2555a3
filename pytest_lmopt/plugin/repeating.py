"""Options that a command we tell people to type must repeat, or something else would come of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

KEPT = (
    "--lm-model",
    "--lm-proposer",
    "--lm-source",
    "--lm-no-source",
    "--no-lm-source",
    "--lm-meta-prompts",
    "--lm-prices",
    "--lm-accept",
    "--lm-prefer",
    "--lm-margin",
    "--lm-resplit",
    "--lm-seed",
    "--lm-budget",
)
"""What is asked of whom, and what is adopted; not how fast, from where or with which outcome."""

FLAGS = ("--lm-source", "--lm-no-source", "--no-lm-source")


def repeated(arguments: Sequence[str]) -> str:
    """Those of a command's arguments that are kept, fit to be typed after others."""
    return "".join(f" {shlex.quote(argument)}" for argument in dict.fromkeys(_kept(arguments)))


def _kept(arguments: Sequence[str]) -> Iterator[str]:
    given = iter(arguments)
    for argument in given:
        name, assigned, _ = argument.partition("=")
        if argument == "--":
            return
        if name not in KEPT:
            continue
        yield argument if assigned or name in FLAGS else f"{name}={next(given, '')}"
