"""The HTML report as text: one file, a strict policy, nothing in it that a model could use."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from doubles.sample_run import EVIL, FACTS, rows, sample, search_report, suite
from doubles.suite_reports import SEARCH

from pytest_lmopt.reports.example_rows import ExampleRow
from pytest_lmopt.reports.html.page import page
from pytest_lmopt.reports.html.rows import data_block, index
from pytest_lmopt.reports.stored_runs import StoredRun
from pytest_lmopt.reports.suite_report import SearchReport, SuiteReport
from pytest_lmopt.reports.wording import outcome_text


class Elements(HTMLParser):
    """All elements of a page with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note what is in scripts and styles."""
        if self.elements and self.elements[-1][0] in ("script", "style") and data.strip():
            self.inside.append((self.elements[-1][0], data))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a sample run, in which a model answered with an attack."""
    run = sample(tmp_path_factory.mktemp("page") / "run.json", examples=30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return "".join(page(run))


@pytest.fixture(scope="module")
def found(text: str) -> Elements:
    """Its elements."""
    return Elements(text)


def _attributes(found: Elements) -> Iterator[tuple[str, str]]:
    for _, attributes in found.elements:
        yield from ((name, value or "") for name, value in attributes.items())


def test_the_policy_allows_its_own_style_and_script_by_their_hashes(found: Elements) -> None:
    """And nothing else: no source, no inline attribute, no form."""
    (policy,) = [
        attributes["content"] or ""
        for _, attributes in found.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    style, script = (
        next(data for tag, data in reversed(found.inside) if tag == wanted)
        for wanted in ("style", "script")
    )
    hashes = [
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in (style, script)
    ]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_nothing_needs_what_the_policy_forbids(found: Elements) -> None:
    """No style attribute, no handler, nothing loaded from anywhere, one script that runs."""
    attributes = list(_attributes(found))
    assert not [name for name, _ in attributes if name == "style" or name.startswith("on")]
    links = [value for name, value in attributes if name in ("src", "href", "xlink:href")]
    assert [link for link in links if not link.startswith("#")] == []
    kinds = [attributes.get("type") for tag, attributes in found.elements if tag == "script"]
    assert kinds.count(None) == 1
    assert set(kinds) == {None, "application/json"}


def test_every_id_is_there_once(found: Elements) -> None:
    """Also those that matplotlib gave to parts of several plots; what is referred to exists."""
    ids = [value for name, value in _attributes(found) if name == "id"]
    assert len(ids) == len(set(ids))
    links = {value[1:] for name, value in _attributes(found) if name == "href"}
    clips = {value[5:-1] for name, value in _attributes(found) if name == "clip-path"}
    assert links | clips <= set(ids)


def test_plots_have_the_colours_of_the_page(text: str) -> None:
    """Text stays text; no colour of matplotlib's is left, so dark pages have dark plots."""
    plots = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(plots) == 5
    assert not re.findall(r"#[0-9a-f]{6}", " ".join(re.sub(r'="#[^"]*"', "", p) for p in plots))
    assert "change of the mean score against the baseline" in plots[0]
    assert "tests/test_shop.py::test_triage" in plots[0]


def test_the_same_run_makes_the_same_page() -> None:
    """Byte for byte."""
    report = suite("test_it.py::test_x", _one_row())
    assert _page_of(report) == _page_of(report)


def test_an_example_whose_judge_gave_no_answer_is_among_those_without_one() -> None:
    """As it is among those left out."""
    (row,) = _one_row()
    unjudged = _with_run(row, score=None, got="the judge: no answer")
    report = suite("test_it.py::test_x", [row])
    run = StoredRun(facts=FACTS, suites=(report,), examples={report.suite: [unjudged]})
    (short,) = json.loads(index(run))["rows"]
    assert "missing" in short


def test_data_can_not_end_its_block() -> None:
    """Whatever it holds, and it comes back as it was."""
    value = {"</script><!--": [EVIL, "<!-- <script>", "\u2028 & \u2029", None]}
    block = data_block(value)
    assert not set("<>&\u2028\u2029") & set(block)
    assert json.loads(block) == value


def test_names_of_suites_are_no_formulas_of_matplotlib() -> None:
    """Nor do letters that its font lacks make a warning."""
    report = replace(suite("test_it.py::test_x[$x^$ 漢字 <b>]", _one_row()), threshold=None)
    text = _page_of(report)
    assert "test_x[$x^$ 漢字 &lt;b&gt;]" in text
    assert "<b>" not in text


def test_the_page_tells_where_the_gain_came_from(text: str) -> None:
    """Each change of the winner, with what it brought alone."""
    assert "<li>prompts/route.yaml: another instruction; not tried alone</li>" in text
    assert "demos; alone: +0.125 [+0.01, +0.24] on 32 dev examples</li>" in text


@pytest.mark.parametrize(
    ("search", "accepting", "said"),
    [
        (SEARCH, True, "Accepted"),
        (SEARCH, False, "Not written yet: --lm-snapshot-update accepts it"),
        (replace(SEARCH, accepted=False), True, "Not accepted: the prompts stay as they are"),
        (replace(SEARCH, withheld="it harms x"), True, "Not written: it harms x"),
        (replace(SEARCH, outdone_by="t[b]"), True, "Not written: what t[b] found is taken"),
    ],
)
def test_a_winner_is_accepted_only_once_it_is_written(
    search: SearchReport, accepting: bool, said: str
) -> None:
    """One that passed on holdout waits for its author, and may do harm to others."""
    assert outcome_text(search, accepting=accepting) == said


def test_the_page_tells_what_winners_did_on_other_models(text: str) -> None:
    """What kept one from being tried may be a model's words."""
    assert '<td class="number">+0.125</td>' in text
    assert '<td class="text">not tried: &lt;script&gt;' in text
    assert "small] found holds everywhere, with a mean gain of +0.163: it would be" in text


def test_names_and_reasons_of_candidates_are_text_in_plots_too() -> None:
    """A strategy may take them from what a model wrote."""
    search = search_report()
    trials = tuple(replace(trial, name=f"{EVIL}\ud800", reason=EVIL) for trial in search.trials)
    report = replace(
        suite("test_it.py::test_x", _one_row()),
        search=replace(search, trials=trials, winner=trials[0].name, reason=EVIL, diff=""),
    )
    text = _page_of(report)
    assert text.encode("utf-8").count(b"<script>") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_run_of_which_nothing_was_scored_has_a_page_too() -> None:
    """It tells why."""
    report = replace(
        suite("test_it.py::test_x", _one_row()),
        status="error", problem="the metric broke", n=0, score=None, low=None, high=None,
        comparison=None, baseline="no baseline",
    )  # fmt: skip
    text = _page_of(report, shown=0)
    assert "the metric broke" in text
    assert "<svg" not in text


def _one_row() -> list[ExampleRow]:
    return rows(1, seed=0)


def _with_run(row: ExampleRow, **fields: object) -> ExampleRow:
    """The example with its only run, and its score, changed."""
    (run,) = row["runs"]
    return {**row, "score": None, "runs": [{**run, **fields}]}  # type: ignore[typeddict-item]


def _page_of(report: SuiteReport, *, shown: int = 1) -> str:
    run = StoredRun(facts=FACTS, suites=(report,), examples={report.suite: _one_row()[:shown]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return "".join(page(run))
