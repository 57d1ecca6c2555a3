"""A search killed with SIGKILL goes on where it was, on the same budget, to the same end."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from doubles.searching_process import CONCURRENCY

KILLS = 20
ENOUGH = 900


def _searches(folder: Path, calls: int, kills: list[int]) -> dict[int, dict[str, Any]]:
    """Results by the request at which each search was killed, with the requests seen."""
    tests = Path(__file__).parent.parent
    path = f"{tests}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-m", "doubles.searching_process", str(folder), str(calls)]
    subprocess.run(
        [*command, *map(str, kills)],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
        timeout=300,
    )
    results = {}
    for request in kills:
        left = folder / str(request)
        result = json.loads((left / "result.json").read_text()) if calls == ENOUGH else {}
        results[request] = {**result, "seen": (left / "seen").read_text().split()}
    return results


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """An undisturbed search (0), and one for each of twenty requests at which it was killed."""
    folder = tmp_path_factory.mktemp("searches")
    undisturbed = _searches(folder, ENOUGH, [0])
    requests = range(1, len(undisturbed[0]["seen"]))
    return undisturbed | _searches(folder, ENOUGH, random.Random(7).sample(requests, KILLS))


def test_the_winner_and_its_verdict_are_those_of_an_undisturbed_search(
    searches: dict[int, dict[str, Any]],
) -> None:
    """The same candidates were raced with the same differences, wherever the kill came."""
    undisturbed = searches[0]
    assert undisturbed["winner"]
    for request, result in searches.items():
        for what in ("trials", "winner", "confirmation"):
            assert result[what] == undisturbed[what], request


def test_nothing_recorded_is_paid_for_twice_and_all_is_charged_to_one_budget(
    searches: dict[int, dict[str, Any]],
) -> None:
    """Only what was in flight at the kill is asked again: at most the concurrency."""
    for request, result in searches.items():
        twice = len(result["seen"]) - len(set(result["seen"]))
        assert twice <= (CONCURRENCY if request else 0)
        assert len(result["seen"]) - len(searches[0]["seen"]) <= CONCURRENCY
        assert len(result["seen"]) <= result["charged"] <= len(result["seen"]) + CONCURRENCY
        assert result["earlier"] >= request


def test_the_report_says_that_a_search_was_continued(
    searches: dict[int, dict[str, Any]],
) -> None:
    """Once it had a beginning: a kill in the first few requests leaves nothing to tell."""
    told = [result["note"].startswith("continued a search") for result in searches.values()]
    assert sum(told) > KILLS / 2
    assert not searches[0]["note"]


def test_a_budget_that_binds_is_not_exceeded_by_killing(tmp_path: Path) -> None:
    """What was charged before the kill stays charged."""
    results = _searches(tmp_path, 110, [20, 40, 60])
    for result in results.values():
        assert len(result["seen"]) <= 110
