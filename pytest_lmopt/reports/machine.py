"""The report of a run as a JSON document, which every other report can be made from.

``report-1.schema.json``, beside this file, says what is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_lmopt.reports.json_text import json_text
from pytest_lmopt.reports.suite_report import SuiteReport
from pytest_lmopt.reports.transfer import Transfer, best_of_each

VERSION = 1
SCHEMA = Path(__file__).with_name(f"report-{VERSION}.schema.json")


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is known of a run besides its suites.

    ``name`` is what it is stored under, ``started`` its time in ISO 8601 (UTC), ``version`` that
    of this package, ``strategy`` that of its search, None where there was none.
    """

    name: str
    started: str
    version: str
    seed: int
    strategy: str | None


def document(
    facts: RunFacts,
    reports: Sequence[SuiteReport],
    rows_of: Callable[[str], Iterable[str]] = lambda _: (),
    transfers: Sequence[Transfer] = (),
) -> Iterator[str]:
    """``{"version": 1, "run": {...}, "transfers": [...], "suites": [...]}`` piece by piece.

    Each suite has the fields of ``SuiteReport`` but the files to write, and ``examples``, one a
    line: ``rows_of`` gives a suite's, each as JSON.
    """
    best = best_of_each(transfers)
    tried = [{**asdict(one), "gain": one.gain, "best": one in best} for one in transfers]
    yield f'{{"version": {VERSION}, "run": {json_text(asdict(facts))}, '
    yield f'"transfers": {json_text(tried)}, "suites": ['
    for number, report in enumerate(reports):
        fields = asdict(report)
        del fields["accept"], fields["counted"]
        yield f'{"," if number else ""}\n{json_text(fields)[:-1]}, "examples": ['
        for place, row in enumerate(rows_of(report.suite)):
            yield f"{',' if place else ''}\n{row}"
        yield "]}"
    yield "\n]}\n"
