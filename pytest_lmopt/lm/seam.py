"""The LM seam: one method. Providers implement it; metering, retries and recordings wrap it.

A test's LM is a function: ``FunctionLM(lambda request: "the answer")``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

from pytest_lmopt.wire import Completion, Request, Usage


class LM(Protocol):
    """Anything that answers a request."""

    async def complete(self, request: Request) -> Completion:
        """Answer, or raise an ``LMError``, a ``ModelError`` or ``BudgetExhaustedError``."""


@runtime_checkable
class Recalling(LM, Protocol):
    """An LM that keeps answers."""

    def recorded(self, request: Request) -> Completion | None:
        """Return a recorded answer, None where a model is to be asked; raises as ``complete``."""


class FunctionLM:
    """An LM that is a ``function`` of the request, returning its text or a ``Completion``."""

    def __init__(
        self, function: Callable[[Request], str | Completion | Awaitable[str | Completion]]
    ) -> None:
        self.function = function

    async def complete(self, request: Request) -> Completion:
        """Call the function; text is metered as one call, with words for tokens.

        Raises ``TypeError`` for another answer.
        """
        answer: Any = self.function(request)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Completion):
            return answer
        if not isinstance(answer, str):
            raise TypeError(f"a text or a Completion expected from the function, found {answer!r}")
        asked = sum(len(text.split()) for _, text in request.messages)
        usage = Usage(calls=1, input_tokens=asked, output_tokens=len(answer.split()))
        return Completion(text=answer, usage=usage)
