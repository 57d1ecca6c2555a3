"""Tests as collected: what a suite's mark says, or why the test is no suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_lmopt.comparison.gate import GateMode
    from pytest_lmopt.lm.seam import LM
    from pytest_lmopt.suites.budget import Budget
    from pytest_lmopt.suites.suite import Suite


@dataclass(frozen=True, kw_only=True)
class BudgetMark:
    """A budget and what it is the budget of: suites under the same mark share the account."""

    budget: Budget
    owner: str


@dataclass(frozen=True, kw_only=True)
class MarkedSuite:
    """A suite as collected: with its files' places and the budgets its calls are charged to.

    ``record`` is the file for its recorded answers, None where none are committed. ``lm`` is the
    LM of the user's own, None where models are asked by their names. ``intercepted`` is False
    where the mark leaves the suite's requests alone.
    """

    suite: Suite
    snapshot: Path
    record: Path | None
    budgets: tuple[BudgetMark, ...]
    gate: GateMode
    require_baseline: bool
    lm: LM | None = None
    intercepted: bool = True


@dataclass(frozen=True, kw_only=True)
class BrokenSuite:
    """What a test that can't be run as a suite leaves: its ``problem`` and its files' places.

    ``traceback`` is empty unless ``--lm-debug`` is given. ``record`` is as in ``MarkedSuite``.
    ``skipped`` says that its data asked for the test to be skipped; the problem is why.
    """

    name: str
    problem: str
    traceback: str
    snapshot: Path
    record: Path | None
    skipped: bool = False
