"""benchmarks/throughput.py: its counting, its tables, and a run of its quickest cases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import throughput
from speed.cases import ASYNC, CLIENT, NAMES, OURS, REPLAY, UNUSED, Case, all_cases
from speed.processes import CaseError, Figures, check
from speed.sampling import part_of
from speed.server import Seen, steady_rate
from speed.tables import all_tables

IMPORT = "<frozen importlib._bootstrap>"
SITE = "/venv/lib/python3.11/site-packages"
HERE = "/project/pytest_lmopt"


def figures(*, seconds: float = 1.0, cpu: float = 1.0, rate: float = 100.0) -> Figures:
    """What a process took, where most of it does not matter."""
    return Figures(
        seconds=seconds,
        cpu_seconds=cpu,
        megabytes=50.0,
        steady_rate=rate,
        most_at_once=32,
        load=0.5,
    )


def test_the_quickest_cases_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A raw client and a bare pytest, each a process, beside a server that counts."""
    throughput.main(["--quick", "--only", "raw aiohttp", "--only", "bare pytest"])
    table = capsys.readouterr().out
    assert "| raw aiohttp | 50 | 50 ms |" in table
    assert "| bare pytest | 50 | – |" in table


@pytest.mark.slow
def test_all_cases_run_quickly(capsys: pytest.CaptureFixture[str]) -> None:
    """Of each installed peer and of ours there is a row, and what it asked and kept was checked."""
    throughput.main(["--quick"])
    table = capsys.readouterr().out
    for name in (OURS, ASYNC, CLIENT, REPLAY, UNUSED, "OpenAI SDK"):
        assert f"| {name} | 50 |" in table


@pytest.mark.slow
def test_a_profile_shows_where_our_cpu_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """Each part has its CPU seconds and its share."""
    throughput.main(["--quick", "--profile", "--only", OURS])
    table = capsys.readouterr().out
    assert f"{OURS}, 50 examples" in table
    assert "| ledger |" in table
    assert "| recordings |" in table


def test_a_case_that_asks_twice_ends_the_benchmark(tmp_path: Path) -> None:
    """And one that does not ask: neither is the work that is compared."""
    case = Case(name="raw httpx", examples=50)
    for requests in (0, 100):
        seen = Seen(requests=requests, connections=1, most_at_once=1, steady_rate=0.0)
        with pytest.raises(CaseError, match=f"expected 50 requests, the server saw {requests}"):
            check(case, seen, tmp_path)


def test_a_case_that_keeps_too_little_ends_the_benchmark(tmp_path: Path) -> None:
    """Each of our calls leaves a recording and a charge on files."""
    case = Case(name=OURS, examples=2)
    (tmp_path / ".lmopt").mkdir()
    for name, table in (("recordings", "recordings (key)"), ("ledger", "charges (calls)")):
        with closing(sqlite3.connect(tmp_path / ".lmopt" / f"{name}.sqlite")) as file, file:
            file.execute(f"CREATE TABLE {table}")
            file.execute(f"INSERT INTO {name if name == 'recordings' else 'charges'} VALUES (1)")
    seen = Seen(requests=2, connections=1, most_at_once=1, steady_rate=0.0)
    with pytest.raises(CaseError, match=r"found \(1, 1\)"):
        check(case, seen, tmp_path)


def test_the_steady_rate_leaves_out_start_and_end() -> None:
    """A hundred requests, one each 10 ms, come at 100 a second, however late the first and last."""
    arrivals = [-5.0, *(number / 100 for number in range(1, 99)), 60.0]
    assert steady_rate(arrivals) == pytest.approx(100)
    assert steady_rate([0.0]) == 0.0


def test_a_call_takes_what_more_examples_take_more() -> None:
    """From 5 to 50 calls CPU grows by 0.9 s: 20 ms each, and 0.9 s for the start."""
    few, many = (Case(name="raw aiohttp", examples=n) for n in (5, 50))
    assert "| raw aiohttp | 0.90 | 20.00 |" in all_tables(
        {few: [figures(cpu=1.0)], many: [figures(cpu=1.9)]}
    )


def test_targets_are_met_or_missed_by_medians() -> None:
    """Half of a raw client's rate is enough; what was not measured has no row."""
    raw, ours = (Case(name=name, examples=50) for name in ("raw aiohttp", OURS))
    few = [Case(name=case.name, examples=5) for case in (raw, ours)]
    rates = {raw: [figures(rate=100)], ours: [figures(rate=rate) for rate in (1, 60, 70)]}
    table = all_tables({**rates, **{case: [figures()] for case in few}})
    assert f"| {OURS}, 0 ms: steady rate of raw aiohttp over ours | 2.00 | 1.67 | met |" in table
    assert "wall s; 1.3" not in table


def test_each_case_is_measured_once_a_round() -> None:
    """All that ask do with and without latency, and on few examples; names choose among them."""
    cases = all_cases(50, 5, list(NAMES))
    assert len(set(cases)) == len(cases)
    assert {(case.examples, case.latency) for case in cases if case.name == OURS} == {
        (50, 0.05),
        (50, 0.0),
        (5, 0.0),
    }
    assert {case.name for case in all_cases(50, 5, [REPLAY])} == {REPLAY}


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ([f"{SITE}/litellm/a.py", IMPORT, f"{HERE}/lm/stack.py"], "imports: litellm"),
        ([f"{SITE}/jinja2/a.py", IMPORT, f"{HERE}/lm/a.py", IMPORT], "imports: jinja2"),
        ([f"{HERE}/lm/a.py", IMPORT, f"{SITE}/_pytest/a.py"], "imports: pytest_lmopt"),
        ([f"{SITE}/httpx/a.py", f"{SITE}/litellm/main.py", f"{HERE}/lm/stack.py"], "litellm"),
        ([f"{SITE}/httpx/a.py", f"{SITE}/openai/a.py", "/project/test_a.py"], "clients"),
        (["/lib/sqlite3.py", f"{HERE}/lm/sqlite_file.py", f"{HERE}/lm/money/book.py"], "ledger"),
        ([f"{HERE}/lm/sqlite_file.py", f"{HERE}/lm/recordings/store.py"], "recordings"),
        ([f"{HERE}/lm/prompt.py", f"{SITE}/_pytest/python.py"], "ours, other"),
        (["/lib/python3.11/asyncio/base_events.py", "/lib/threading.py"], "event loop"),
    ],
)
def test_cpu_goes_to_the_innermost_part_of_a_stack(files: list[str], part: str) -> None:
    """But an import's goes to the package that was asked for, and a client's to litellm's call."""
    assert part_of(files) == part
