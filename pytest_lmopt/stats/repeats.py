"""Aggregates of repeated runs of one example: pass@k and pass^k."""

from __future__ import annotations

from math import comb


def pass_at_k(n: int, passed: int, k: int) -> float:
    """Probability that at least one of ``k`` runs passes, of which ``passed`` in ``n`` did.

    The unbiased estimator 1 − C(n − c, k) / C(n, k) of Chen et al. 2021 (arXiv 2107.03374).
    Raises ``ValueError`` unless 1 ≤ k ≤ n and 0 ≤ passed ≤ n.
    """
    _check(n, passed, k)
    return 1.0 - comb(n - passed, k) / comb(n, k)


def pass_hat_k(n: int, passed: int, k: int) -> float:
    """Probability that all of ``k`` runs pass: C(c, k) / C(n, k) (Yao et al. 2024, τ-bench)."""
    _check(n, passed, k)
    return comb(passed, k) / comb(n, k)


def _check(n: int, passed: int, k: int) -> None:
    if not 1 <= k <= n or not 0 <= passed <= n:
        raise ValueError(f"1 <= k <= n and 0 <= passed <= n expected, got {n=}, {passed=}, {k=}")
