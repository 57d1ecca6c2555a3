"""The baseline of a suite: the accepted scores that today's rows may be compared with."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_lmopt.comparison.verdict import Comparison, Verdict
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.snapshots.overlap import Overlap, overlap
from pytest_lmopt.snapshots.snapshot import Snapshot
from pytest_lmopt.suites.suite import Suite

COMPARED = "compared"
NONE = "no baseline"


@dataclass(frozen=True, kw_only=True)
class Gating:
    """The comparison of a suite with its baseline.

    ``baseline`` is ``compared``, or why nothing is gated.
    """

    baseline: str
    comparison: Comparison | None = None

    @property
    def judged(self) -> Comparison | None:
        """The comparison, where it gates the suite."""
        return self.comparison if self.baseline == COMPARED else None

    @property
    def not_gated(self) -> str:
        """Say why no baseline gates the suite; empty where one does."""
        if self.baseline != COMPARED:
            return self.baseline
        few = self.comparison is not None and self.comparison.verdict is Verdict.INSUFFICIENT
        return str(Verdict.INSUFFICIENT) if few else ""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The validity of a snapshot's scores for today's suite.

    ``missing`` says that there is no baseline; ``stale`` says that another metric computed the
    scores. Each is empty otherwise.
    """

    missing: str = ""
    stale: str = ""
    rows: Overlap = field(default_factory=Overlap)

    @classmethod
    def of(cls, snapshot: Snapshot | None, suite: Suite) -> Baseline:
        """The baseline that a snapshot gives a suite."""
        if snapshot is None or not snapshot.baselines:
            return cls(missing=NONE)
        changed = snapshot.metric != suite.metric_digest
        return cls(
            stale="stale (metric changed)" if changed else "",
            rows=overlap(snapshot, suite.dataset),
        )

    @property
    def scores(self) -> dict[str, float]:
        """Accepted scores of the unchanged rows by example id."""
        return dict(self.rows.scores)

    def too_few(self, compared: int) -> str:
        """Say why the ``compared`` rows gate nothing; empty where they do."""
        return self.missing or self.rows.too_few(compared)

    def changes(self, evaluation: Evaluation) -> str:
        """Say how the dataset changed since, with the new rows' scores; empty if it did not."""
        if self.missing:
            return ""
        scores = evaluation.scores
        return self.rows.words(scores[name] for name in self.rows.new if name in scores)
