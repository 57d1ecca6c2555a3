"""The page: figures, plots, diffs and examples of a run, in one file under a strict policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_lmopt.comparison.verdict import Verdict
from pytest_lmopt.reports import wording
from pytest_lmopt.reports.html.diffs import FileDiff, side_by_side
from pytest_lmopt.reports.html.drawing import Plot
from pytest_lmopt.reports.html.rows import blocks, index
from pytest_lmopt.reports.html.search_plots import gain_plot, reliability_plot, trade_off_plot
from pytest_lmopt.reports.html.suite_plots import change_plot, score_plot
from pytest_lmopt.reports.opening_lines import opening_lines
from pytest_lmopt.reports.search_lines import change_lines
from pytest_lmopt.reports.stored_runs import StoredRun
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.reports.transfer import settled_lines
from pytest_lmopt.safe_text import printable
from pytest_lmopt.wire import Usage

HERE = Path(__file__).parent
_SIGNS = {
    Verdict.IMPROVED: "▲", Verdict.REGRESSED: "▼", Verdict.HOLDS: "=",
    Verdict.INCONCLUSIVE: "?", Verdict.INSUFFICIENT: "?",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Section:
    """What the page shows of one suite; ``place`` counts the suites from 0."""

    place: int
    report: SuiteReport
    examples: int
    search: tuple[Plot, ...]
    reliability: Plot | None
    diffs: tuple[FileDiff, ...]

    @property
    def verdict(self) -> str:
        """The verdict in words, with a sign of its own."""
        found = self.report.comparison
        sign = _SIGNS[found.verdict] if found and self.report.baseline == "compared" else ""
        return f"{sign} {wording.verdict_text(self.report)}".strip()


def page(run: StoredRun) -> Iterator[str]:
    """The page piece by piece: rows of examples are many."""
    from markupsafe import Markup

    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    suites = run.suites
    template = _environment().get_template("page.html.jinja")
    yield from template.generate(
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        facts=run.facts,
        sections=[_section(run, place) for place in range(len(suites))],
        plots=[each for each in (change_plot(suites), score_plot(suites)) if each is not None],
        usage=sum((suite.usage for suite in suites), Usage()),
        examples=sum(map(len, run.examples.values())),
        has_winner=any(row["winner"] is not None for _, row in run.rows),
        index=Markup(index(run)),
        blocks=map(Markup, blocks(run)),
        wording=wording,
        change_lines=change_lines,
        opening_lines=opening_lines,
        transfers=run.transfers,
        settled=settled_lines(run.transfers, accepting=run.accepting),
    )


def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    def readable(value: Any) -> Any:
        # whatever part a text comes into, none leaves here with what turns or hides text
        return (
            printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        )

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=readable,
    )
    environment.filters["svg"] = Markup

    def breakable(name: str) -> Markup:
        return escape(printable(name)).replace("::", Markup("::<wbr>"))

    environment.filters["breakable"] = breakable
    return environment


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, sent or run but this very style and script."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _section(run: StoredRun, place: int) -> Section:
    report = run.suites[place]
    search, rows = report.search, run.examples[report.suite]
    plots: list[Plot | None] = []
    if search is not None:
        plots = [gain_plot(search, f"gain-{place}"), trade_off_plot(search, f"costs-{place}")]
    reliability = None
    if report.repeats is not None:
        k = report.repeats.k
        scores = [[each["score"] for each in row["runs"]] for row in rows]
        passed = [
            sum(score == 1.0 for score in each)
            for each in scores
            if len(each) == k and None not in each
        ]
        reliability = reliability_plot(passed, k, f"repeats-{place}") if passed else None
    return Section(
        place=place,
        report=report,
        examples=len(rows),
        search=tuple(each for each in plots if each is not None),
        reliability=reliability,
        diffs=tuple(side_by_side(search.diff)) if search is not None else (),
    )
