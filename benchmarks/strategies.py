"""Our search against DSPy's optimizers on simulated tasks whose true scores are known.

    python benchmarks/strategies.py peers --results FOLDER [--seeds 30]
    python benchmarks/strategies.py ours --results FOLDER [--strategy auto] [--share 1.0]
    python benchmarks/strategies.py table --results FOLDER [--strategy auto]

``peers`` needs ``pip install dspy==3.4.1 gepa optuna`` in an environment of its own, which need not
have this package. Ours gets exactly as many calls as each of them made, or ``--share`` of it.
Whatever is finished stands in FOLDER, a line each, and is not run again. ``table`` prints the
part of benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from parity.results import Result, append, read
from parity.table import ACCEPTS, name_of, table
from parity.tasks import TASKS

PEERS = "peers.jsonl"


def main() -> None:
    """Run one of the three parts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=("peers", "ours", "table"))
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--peers", nargs="*")
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--share", type=float, default=1.0)
    options = parser.parse_args()
    part = {"peers": _peers, "ours": _ours, "table": _table}[options.part]
    part(options)


def _peers(options: argparse.Namespace) -> None:
    logging.disable(logging.WARNING)
    from parity import peers

    path = options.results / PEERS
    done = {result.key for result in read(path)}
    for seed in range(options.seeds):
        for task in options.tasks:
            for name in options.peers or peers.PEERS:
                if (name, task, seed, "") in done:
                    continue
                with _silent():
                    result = peers.run_peer(name, task, seed)
                append(path, result)
                _tell(result.method, task, seed, result.calls, result.seconds)


def _ours(options: argparse.Namespace) -> None:
    from parity.ours import Rival, run_ours

    while (theirs := _next_rival(options)) is not None:  # peers may be running meanwhile
        rival = Rival(name=theirs.method, calls=int(theirs.calls * options.share))
        results = run_ours(options.strategy, theirs.task, theirs.seed, rival)
        for result in results:
            append(options.results / _file(options), result)
        name = f"{options.strategy} as {rival.name}"
        _tell(name, theirs.task, theirs.seed, results[0].calls, results[0].seconds)


def _next_rival(options: argparse.Namespace) -> Result | None:
    """A peer's run of the lowest seed that ours has no match for yet."""
    done = {result.key for result in read(options.results / _file(options))}
    name = name_of(options.strategy, ACCEPTS[-1])
    left = [
        theirs
        for theirs in read(options.results / PEERS)
        if theirs.task in options.tasks
        and theirs.seed < options.seeds
        and theirs.method in (options.peers or [theirs.method])
        and (name, theirs.task, theirs.seed, theirs.method) not in done
    ]
    return min(left, key=lambda theirs: theirs.seed, default=None)


def _table(options: argparse.Namespace) -> None:
    results = [*read(options.results / PEERS), *read(options.results / _file(options))]
    print(table(results, options.strategy))


def _file(options: argparse.Namespace) -> str:
    share = "" if options.share == 1.0 else f"-{options.share:g}"
    return f"ours-{options.strategy}{share}.jsonl"


def _tell(name: str, task: str, seed: int, calls: int, seconds: float) -> None:
    each = 1000 * seconds / max(1, calls)
    print(f"{time.strftime('%H:%M:%S')} seed {seed} {task}: {name}, {calls:,} calls, "
          f"{seconds:.1f} s, {each:.1f} ms a call", flush=True)  # fmt: skip


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without what DSPy prints: COPRO does, whatever its options."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


if __name__ == "__main__":
    main()
