"""Options to repeat in suggested commands so that they reproduce this run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from pytest_lmopt.plugin.option_table import OPTIONS

FLAGS = {flag for each in OPTIONS if each.switch for flag in (each.flag, *each.off_flags)}
KEPT = {
    *(flag for each in OPTIONS if each.repeated for flag in (each.flag, *each.off_flags)),
    "-c",
    "--config-file",
    "--rootdir",
    "--import-mode",
    "-o",
    "--override-ini",
    "-p",
}
"""Options that decide which tests are found, which answers there are, and what is adopted.

``--lm-record`` is among them because its files hold answers that the run used. Options for speed,
for the place of a run and for its outcome are not.
"""


def repeated(arguments: Sequence[str]) -> str:
    """Those of a command's arguments that are kept, fit to be typed after others."""
    return "".join(f" {shlex.quote(argument)}" for argument in dict.fromkeys(_kept(arguments)))


def _kept(arguments: Sequence[str]) -> Iterator[str]:
    given = iter(arguments)
    for argument in given:
        name, assigned, _ = argument.partition("=")
        if argument == "--":
            return
        if argument[:2] in KEPT:  # a short option, with its value behind it or next
            value = argument[2:] or next(given, "")
            if not (argument[:2] == "-p" and value.startswith("no:")):
                yield argument[:2] + value
        elif name in KEPT:
            yield argument if assigned or name in FLAGS else f"{name}={next(given, '')}"
