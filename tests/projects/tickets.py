"""A small project that routes tickets without a model: its answers are Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

SUITE = """\
import pytest
from pytest_lmopt import metrics

@pytest.mark.lm_suite(dataset="tickets.jsonl", metric=metrics.exact_match{arguments})
def {name}(lm_example):
    n = int(lm_example.inputs["message"].split()[-1])
    return {answer}
"""

Row = Mapping[str, Any]


def row(n: int, **more: Any) -> dict[str, Any]:
    """The n-th ticket: its team is the word before its number."""
    return {"id": f"t{n}", "inputs": {"message": f"ticket {n}"}, "expected": f"team{n}", **more}


class Tickets:
    """A project folder with one suite over ``tickets.jsonl``, right on every row at first."""

    def __init__(self, pytester: pytest.Pytester, rows: int = 60) -> None:
        self._pytester = pytester
        self.rows([row(n) for n in range(rows)])
        self.answers('f"team{n}"')

    @property
    def path(self) -> Path:
        """The project's folder."""
        return self._pytester.path

    @property
    def snapshot(self) -> Path:
        """The snapshot's YAML file."""
        return self.path / "__lm_snapshots__/test_tickets/test_route.yaml"

    @property
    def scores(self) -> Path:
        """The snapshot's row table."""
        return self.snapshot.with_suffix(".scores.csv")

    @property
    def baseline(self) -> tuple[Path, Path]:
        """All files of the baseline."""
        return self.snapshot, self.scores

    def rows(self, rows: Sequence[Row]) -> None:
        """Write the dataset."""
        lines = [json.dumps(each) for each in rows]
        (self.path / "tickets.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def answers(self, answer: str, *, arguments: str = "", name: str = "test_route") -> None:
        """Write the test file: the suite answers the n-th ticket with this expression."""
        text = SUITE.format(answer=answer, arguments=arguments, name=name)
        (self.path / "test_tickets.py").write_text(text, encoding="utf-8")

    def run(self, *options: str) -> pytest.RunResult:
        """Run pytest on the project, in this process."""
        return self._pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)

    def accept(self) -> None:
        """Make today's scores the baseline."""
        self.run("--lm-snapshot-update").assert_outcomes(passed=1)
