"""Budgets: the limits a suite, class, module or session may spend."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Hard limits; None means no limit of that kind.

    ``calls`` counts every attempt that reaches a model, ``tokens`` input and output together,
    ``usd`` dollars, ``seconds`` wall-clock time from the first call. Raises ``ValueError`` for a
    limit that is not a positive number.
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "usd", "seconds"):
            value = getattr(self, name)
            whole = name in ("calls", "tokens")
            kind = int if whole else (int, float)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, kind) or not value > 0
            ):
                wanted = "a positive whole number" if whole else "a positive number"
                raise ValueError(f"budget {name}={value!r}: {wanted} expected")

    def __str__(self) -> str:
        parts = [
            f"{self.calls} calls" if self.calls is not None else "",
            f"{self.tokens} tokens" if self.tokens is not None else "",
            f"${self.usd:g}" if self.usd is not None else "",
            f"{self.seconds:g} s" if self.seconds is not None else "",
        ]
        return ", ".join(part for part in parts if part) or "no limit"
