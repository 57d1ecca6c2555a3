"""litellm's other functions inside a run: refused, as no budget would see what they ask for.

Nearly all of them, and ``completion`` as it is inside of ``litellm.main``, begin by naming the kind
of call; the others go through a dispatcher. While runs are open, both are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_lmopt.errors import UnmeteredError
from pytest_lmopt.lm.tracing import DIRECT, current_run, is_our_own

PUBLIC = ("completion", "acompletion")
"""The functions that are caught."""


def refuse(function: str) -> None:
    """Stop the run that calls this function of litellm's; nothing where it is no run's call.

    Raises ``UnmeteredError``, which the pipeline may catch but can't hide, and
    ``LostContextError`` where runs are under way but none can be seen from here.
    """
    if is_our_own():
        return
    run = current_run(DIRECT + function)
    if run is None:
        return
    if function in PUBLIC:
        advice = (
            f"it was taken from litellm.main, where it can't be caught; write 'from litellm "
            f"import {function}'"
        )
    else:
        advice = (
            f"only a Prompt and litellm's {' and '.join(PUBLIC)} are; ask before the suite, as "
            "in a fixture"
        )
    error = UnmeteredError(
        f"litellm's {function} was called inside a suite, where it would be neither charged to "
        f"the budget nor recorded, so it was not made: {advice}",
        target=function,
    )
    run.stop = run.stop or error
    raise error


def refusing(begin: Callable[[str], str]) -> Callable[[str], str]:
    """litellm's function that names the kind of call, for runs only where the call is ours."""

    def begin_unless_refused(function: str) -> str:
        refuse(function)
        return begin(function)

    return begin_unless_refused


class Refused:
    """Stands in for a dispatcher of litellm's: refuses calls of a run, hands all others on."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def run(self, args: Sequence[Any], kwargs: Mapping[str, Any], **rest: Any) -> Any:
        """A sync call."""
        refuse(self._original.route.value)
        return self._original.run(args, kwargs, **rest)

    async def arun(self, args: Sequence[Any], kwargs: Mapping[str, Any], **rest: Any) -> Any:
        """An async call."""
        refuse(self._original.route.value)
        return await self._original.arun(args, kwargs, **rest)
