"""The roots of the tree, and the warning."""

from __future__ import annotations

from pytest_lmopt.safe_text import shown


class LmoptError(Exception):
    """Base of every error raised on purpose by this package."""

    def __init__(self, problem: str) -> None:
        super().__init__(shown(problem))


class LmoptDeprecationWarning(DeprecationWarning):
    """A former name of something is in use; the warning says what to write instead."""


class InputError(LmoptError):
    """Something the user wrote is wrong; reported as a usage error, without a traceback."""
