"""Quantiles and probabilities, without the second that importing ``scipy.stats`` takes."""

from __future__ import annotations


def normal_quantile(upper: float) -> float:
    """Find the value that a standard normal exceeds with probability ``upper``."""
    from scipy.special import ndtri

    return -float(ndtri(upper))


def t_quantile(upper: float, freedom: int) -> float:
    """Find the value that Student's t of so many degrees exceeds with probability ``upper``."""
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, upper))


def coin_tail(heads: int, tosses: int) -> float:
    """Find the probability of at most so many heads of a fair coin."""
    from scipy.special import bdtr

    return float(bdtr(heads, tosses, 0.5)) if heads >= 0 else 0.0
