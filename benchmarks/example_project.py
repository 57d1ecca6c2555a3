"""Runs the example's search on the real model with several seeds; prints this folder's table.

    python benchmarks/example_project.py [SEED ...]

Nothing is replayed: every seed pays for all its calls. About 5 minutes a seed on 2 cores.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = "| suite | seed | incumbent | winner | difference [95 %] | p | verdict | calls | seconds |"


def main(seeds: list[int]) -> None:
    """Run each seed and print a row per suite."""
    print(HEADER)
    print("|---" * HEADER.count(" | ") + "|---|", flush=True)
    rows = [(suite["suite"], seed, suite) for seed in seeds for suite in search(seed)]
    for name, seed, suite in sorted(rows, key=lambda row: row[:2]):
        print(f"| {name.partition('::')[2]} | {seed} | {_found(suite)} |", flush=True)


def search(seed: int) -> list[dict[str, Any]]:
    """The reports of one search over all suites of the example."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pytest", "-q", "example_project", "--lm-optimize"]
        options = [f"--lm-seed={seed}", "--lm-cache=off", f"--lm-report=json:{path}"]
        subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        suites: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["suites"]
        return suites


def _found(suite: dict[str, Any]) -> str:
    calls, seconds = suite["usage"]["calls"], suite["seconds"]
    found = suite["search"]["confirmation"]
    if found is None:
        return f"{suite['score']:.3f} | – | – | – | no winner on dev | {calls} | {seconds:.0f}"
    return (
        f"{found['old_mean']:.3f} | {found['new_mean']:.3f} | {found['difference']:+.3f} "
        f"[{found['low']:+.2f}, {found['high']:+.2f}] | {found['p_value']:.1g} | "
        f"{found['verdict']} (n = {found['n']}) | {calls} | {seconds:.0f}"
    )


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
