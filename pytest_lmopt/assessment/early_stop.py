"""Stopping an evaluation once its verdict is certain, however often one looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LARGEST
from pytest_lmopt.comparison.verdict import Comparison, Verdict
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.stats.betting import ConfidenceSequence
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example


async def evaluate_until_certain(
    evaluator: Evaluator,
    candidate: Candidate,
    examples: Sequence[Example],
    baseline: Mapping[str, float],
    *,
    alpha: float,
) -> tuple[Evaluation, ConfidenceSequence]:
    """Evaluate block by block in the given order until regression, or holding, is certain.

    Certain means: the 1 − ``alpha`` confidence sequence for the paired difference to ``baseline``
    lies wholly below, or above, minus the suite's margin. A suite with a threshold is never
    stopped for holding, since all its scores decide about that.
    """
    sequence = ConfidenceSequence(alpha=alpha)
    margin = evaluator.suite.margin
    end = 0
    while True:
        start, end = end, min(end + LARGEST, len(examples))
        scores = (await evaluator.evaluate(candidate, examples[start:end])).scores
        sequence.extend(
            scores[example.id] - baseline[example.id]
            for example in examples[start:end]
            if example.id in scores and example.id in baseline
        )
        holds = sequence.low > -margin and evaluator.suite.threshold is None
        if end == len(examples) or sequence.high < -margin or holds:
            return evaluator.kept(candidate, examples[:end]), sequence


def stopped_comparison(
    comparison: Comparison, sequence: ConfidenceSequence, *, margin: float
) -> Comparison:
    """The comparison of a stopped evaluation: judged by the sequence, not by the fixed-n test.

    Whoever looked before may not use a p-value made for one look.
    """
    low, high = sequence.low, sequence.high
    if high < -margin:
        verdict = Verdict.REGRESSED
    elif low > 0.0:
        verdict = Verdict.IMPROVED
    else:
        verdict = Verdict.HOLDS
    return replace(
        comparison,
        low=low,
        high=high,
        p_value=sequence.alpha,
        test="stopped early: confidence sequence by betting, p at most",
        verdict=verdict,
    )
