"""Calls a second, CPU and memory beside raw clients and other harnesses.

    python benchmarks/throughput.py [--peers peers/bin/python] [--examples 1000] [--rounds 5]
    python benchmarks/throughput.py --quick             # 50 examples, 1 round
    python benchmarks/throughput.py --profile           # where our CPU goes

Every figure is the median of rounds that take turns among all cases, each a process of its own from
start to end. The server is another process; it counts, and a case that asked for more or less than
a call an example, or keeps other than a recording and a charge of each, ends the benchmark. All
have their default settings but for concurrency; ours keeps ledger and recordings in new files.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from speed.cases import (
    ASYNC,
    CLIENT,
    CONCURRENCY,
    NAMES,
    OURS,
    REPLAY,
    Case,
    all_cases,
    interpreters,
)
from speed.processes import Bench, CaseError, Figures
from speed.server import serving
from speed.tables import all_tables, profile_table

QUICK = {"examples": 50, "rounds": 1}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    chosen = _chosen(arguments)
    pythons, missing = interpreters(chosen.peers)
    names = [name for name in chosen.only or NAMES if name not in missing]
    print(
        f"Python {platform.python_version()}, pytest {version('pytest')}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, concurrency {CONCURRENCY}, rounds: {chosen.rounds}"
    )
    for name in missing:
        print(f"Not measured, as it is not installed: {name}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=chosen.folder)))
        servers = {latency: stack.enter_context(serving(latency)) for latency in (0.0, 0.05)}
        bench = Bench(servers=servers, pythons=pythons, folder=folder)
        try:
            if chosen.profile:
                _profile(bench, chosen.examples, names)
            else:
                cases = all_cases(chosen.examples, max(1, chosen.examples // 10), names)
                print("\n" + all_tables(_measured(bench, cases, chosen.rounds)))
        except CaseError as error:
            raise SystemExit(str(error)) from None


def _measured(bench: Bench, cases: Sequence[Case], rounds: int) -> dict[Case, list[Figures]]:
    """Run all cases in turn, each round from another one on."""
    results: dict[Case, list[Figures]] = {case: [] for case in cases}
    for number in range(rounds):
        first = number * len(cases) // rounds
        for case in (*cases[first:], *cases[:first]):
            results[case].append(bench.measured(case))
            took = results[case][-1]
            print(f"round {number + 1}: {case}: {took.seconds:.2f} s", file=sys.stderr, flush=True)
    return results


def _profile(bench: Bench, examples: int, names: Sequence[str]) -> None:
    for name in (OURS, ASYNC, CLIENT, REPLAY):
        if name in names:
            case = Case(name=name, examples=examples)
            print("\n" + profile_table(case, bench.profiled(case)), flush=True)


def _chosen(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=1_000, help="examples (1000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each case (5)")
    parser.add_argument("--quick", action="store_true", help="50 examples, 1 round")
    parser.add_argument("--profile", action="store_true", help="show where our CPU goes")
    parser.add_argument(
        "--only", action="append", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}"
    )
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--folder", help="where the cases' files are (the system's temporary one)")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        vars(chosen).update(QUICK)
    return chosen


if __name__ == "__main__":
    main()
