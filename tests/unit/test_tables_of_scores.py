"""Scores as CSV and reports as Markdown: what a model wrote is text in both."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from doubles.sample_run import EVIL, sample
from markdown_it import MarkdownIt

from pytest_lmopt.reports.markdown import escaped, fenced, markdown_lines
from pytest_lmopt.reports.table import COLUMNS, csv_lines

ATTACKS = [
    EVIL,
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "    code",
    "a | b",
    "***",
    "---",
    "~~~\ncode",
    "<b>bold</b>",
    "&lt;b&gt; &#60;",
    "https://example.org www.example.org",
    "![image](x)",
    "[a]: b",
    "\\| backslash \\",
    "a\n\nb",
    "_em_ __strong__",
]


@pytest.mark.parametrize("text", ATTACKS)
@pytest.mark.parametrize("frame", ["{}", "**status**: {}", "|a|b|\n|---|---|\n|{}|second|"])
def test_no_text_is_taken_for_markdown(text: str, frame: str) -> None:
    """Alone in a paragraph or in a table's cell, it comes out of Markdown as the text it is."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    html = parser.render(frame.format(escaped(text)))
    plain = parser.render(frame.format("SAFE"))
    assert re.findall(r"<[^>]*>", html) == re.findall(r"<[^>]*>", plain)


def test_a_fence_is_longer_than_those_it_holds() -> None:
    """Else what follows would be Markdown."""
    text = fenced("+```\n+<script>\n+````", "diff")
    html = MarkdownIt("commonmark").render(text)
    assert html.count("<pre>") == 1
    assert html.rstrip().endswith("</code></pre>")
    assert "<script>" not in html


def test_the_summary_tells_of_every_suite(tmp_path: Path) -> None:
    """A table of all, then problems, the change of prompts, and failing examples."""
    text = "".join(markdown_lines(sample(tmp_path / "run.json")))
    table = [
        line for line in text.splitlines() if line.startswith("| ✅") or line.startswith("| ❌")
    ]
    assert len(table) == 4
    assert "test&#95;triage" in text
    assert "Winner bootstrap&#45;" in text
    assert "improved. Not written yet: --lm-snapshot-update accepts it." in text
    assert "+  - {problem: I was charged twice, team: FIN}" in text
    html = MarkdownIt("commonmark").render(text)
    assert "<li>prompts/route.yaml: another instruction; not tried alone</li>" in html
    assert "demos; alone: +0.125 [+0.01, +0.24] on 32 dev examples</li>" in html
    assert "under the threshold" in text
    assert "<h3>Winners on other models</h3>" in html
    assert "small] found holds everywhere, with a mean gain of +0.163: it would be" in html
    assert "<script>" not in text
    assert "\x1b" not in text


def test_a_line_for_each_example(tmp_path: Path) -> None:
    """With the score, the baseline's, the winner's, and that of each run."""
    run = sample(tmp_path / "run.json", examples=20)
    lines = list(csv.DictReader(io.StringIO("".join(csv_lines(run)), newline="")))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == 20 + 80 + 40 + 12
    repeated = next(line for line in lines if "summary" in line["suite"])
    runs = [float(score) for score in repeated["runs"].split()]
    assert sum(runs) / 5 == float(repeated["score"])
    assert lines[0]["tokens"] == "64"


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    """A spreadsheet shows it as the text it is."""
    run = sample(tmp_path / "run.json", examples=5)
    run.examples[run.suites[0].suite][0]["id"] = "=HYPERLINK(1)"
    assert "'=HYPERLINK(1)" in "".join(csv_lines(run))
