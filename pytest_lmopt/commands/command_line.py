"""The commands and their options; each needs neither a model nor pytest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from pytest_lmopt.errors import InputError
from pytest_lmopt.reports.making import ReportKind
from pytest_lmopt.reports.stored_runs import FOLDER, LATEST
from pytest_lmopt.safe_text import shown
from pytest_lmopt.stores.folder import STATE_FOLDER

KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
USAGE_ERROR = 2
_RUN = "a run by its name, the path of a JSON report, or 'latest'"


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit status: 0, 1 for a regression or what failed, 2 for usage."""
    options = _parser().parse_args(arguments)
    folder = options.root / STATE_FOLDER / FOLDER
    try:
        if options.command == "report":
            from pytest_lmopt.commands.report import report

            asked = [(kind, path) for kind in KINDS if (path := getattr(options, kind))]
            return report(options.run, folder, asked)
        from pytest_lmopt.commands.compare import compare

        return compare(options.old, options.new, folder, margin=options.margin, mode=options.gate)
    except InputError as error:
        print(shown(f"error: {error}"), file=sys.stderr)
        return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pytest_lmopt",
        description="Reports and comparisons of runs that are over, without a model.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="make reports of a stored run")
    report.add_argument("run", nargs="?", default=LATEST, metavar="RUN", help=_RUN)
    for kind in KINDS:
        report.add_argument(f"--{kind}", type=Path, metavar="PATH", help=f"write it as {kind}")
    compare = commands.add_parser(
        "compare", help="judge the scores of one run against those of another"
    )
    compare.add_argument("old", metavar="OLD", help=_RUN)
    compare.add_argument("new", metavar="NEW", nargs="?", default=LATEST, help=_RUN)
    compare.add_argument(
        "--margin", type=_share, metavar="D", help="largest harmless loss (default: each suite's)"
    )
    compare.add_argument(
        "--gate",
        choices=("regression", "noninferior", "off"),
        default="regression",
        help="what exits with 1: a regression (default); all but 'holds' and 'improved'; nothing",
    )
    for command in (report, compare):
        command.add_argument(
            "--root",
            type=Path,
            default=Path(),
            metavar="DIR",
            help="pytest's root folder, where runs are stored (default: this one)",
        )
    return parser


def _share(value: str) -> float:
    with suppress(ValueError):
        if 0.0 <= float(value) <= 1.0:
            return float(value)
    raise argparse.ArgumentTypeError(f"a number from 0 to 1 expected, found {value!r}")
