"""What a strategy is: it proposes, given what is known; it sees neither holdout nor the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A candidate the strategy wants tried, and why it was made.

    What one shows tells of others of its ``kind``, if it has one: they are random draws alike.
    """

    candidate: Candidate
    reason: str
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A proposal and what dev showed: its evaluation, and the mean paired difference.

    ``difference`` is candidate − incumbent over the ``n`` dev examples both were run on, with its
    95 % interval from ``low`` to ``high``; ``calls`` are those the search had made by then.
    """

    proposal: Proposal
    evaluation: Evaluation
    difference: float
    low: float
    high: float
    n: int
    calls: int = 0


@dataclass(frozen=True, kw_only=True)
class About:
    """What a proposer is told of a suite.

    ``dataset`` summarises train, ``source`` is the pipeline's code (empty without the user's
    consent), ``metric`` says how answers are scored.
    """

    dataset: str = ""
    source: str = ""
    metric: str = ""


@dataclass(frozen=True, kw_only=True)
class History:
    """All that a search has shown so far; read-only.

    ``incumbent`` is the incumbent's evaluation on dev as far as it was run, ``candidate`` the
    incumbent with all its prompts spelt out, ``train`` what proposals may learn from. ``trials``
    come best first.
    """

    candidate: Candidate
    incumbent: Evaluation
    train: tuple[Example, ...]
    trials: tuple[Trial, ...] = ()
    about: About = field(default_factory=About)


class Bench(Protocol):
    """How a strategy spends: metered, recorded, seeded, and only on train."""

    async def run(self, candidate: Candidate, examples: Sequence[Example]) -> Evaluation:
        """Evaluate a candidate on train examples, as far as the strategy's allowance reaches."""

    async def run_each(
        self, work: Sequence[tuple[Candidate, Sequence[Example]]]
    ) -> Sequence[Evaluation]:
        """As ``run``, several candidates on train examples of their own, at the same time."""

    def may_ask(self) -> bool:
        """Whether there is a proposer; if a strategy asks in vain, the search's report says so."""

    async def ask(self, question: str, *, draw: int = 0) -> str | None:
        """The proposer's answer, at temperature 1; each ``draw`` is an answer of its own.

        None where none came, or where the strategy's allowance is spent. The same draw of the same
        question is asked once a search, so a strategy may ask again instead of remembering.
        """

    def explain(self, why: str) -> None:
        """Say why nothing, or less, is proposed; shown where a search ends without a winner."""


class Strategy(Protocol):
    """A search strategy: its constructor takes ``Settings`` first; it has no state outside."""

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """The next candidates to race; empty when the strategy is finished."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every strategy is made from.

    ``seed`` is the session's. ``meta_prompts`` is the user's folder of texts asked of a proposer,
    None for those of the strategies.
    """

    seed: int = 0
    meta_prompts: Path | None = None


StrategyFactory = Callable[[Settings], Strategy]
"""Makes a strategy: what hooks and entry points offer, usually the strategy's class."""
