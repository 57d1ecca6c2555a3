"""Budgets: the limits a suite, class, module or session may spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from pytest_lmopt.errors import BudgetError

LIMITS = ("calls", "tokens", "usd", "seconds")


def plain(number: float) -> str:
    """Spell a number without an exponent, to a millionth."""
    return f"{number:,.6f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Hard limits; None means no limit of that kind.

    ``calls`` counts every attempt that reaches a model, ``tokens`` input and output together,
    ``usd`` dollars, ``seconds`` wall-clock time from the first call. Raises ``BudgetError`` for a
    limit of another kind, or one that is not a positive number.
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __new__(cls, *unnamed: Any, **limits: Any) -> Self:
        """Refuse what is no limit in words of its own."""
        unknown = [name for name in limits if name not in LIMITS]
        if unnamed or unknown:
            found = f"{unknown[0]}={limits[unknown[0]]!r}" if unknown else repr(unnamed[0])
            raise BudgetError(
                f"Budget({found}) is no limit; its limits are {', '.join(LIMITS)}, as in "
                "Budget(calls=600, usd=0.5)",
                limit=unknown[0] if unknown else "",
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name in LIMITS:
            value = getattr(self, name)
            whole = name in ("calls", "tokens")
            kind = int if whole else (int, float)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, kind) or not value > 0
            ):
                wanted = "a positive whole number" if whole else "a positive number"
                raise BudgetError(f"Budget({name}={value!r}): {wanted} expected", limit=name)

    @property
    def micro_usd(self) -> int | None:
        """The dollars in whole millionths, which add up as floats do not."""
        return None if self.usd is None else round(self.usd * 1e6)

    def __str__(self) -> str:
        parts = [
            f"{self.calls} calls" if self.calls is not None else "",
            f"{self.tokens} tokens" if self.tokens is not None else "",
            f"${plain(self.usd)}" if self.usd is not None else "",
            f"{plain(self.seconds)} s" if self.seconds is not None else "",
        ]
        return ", ".join(part for part in parts if part) or "no limit"
