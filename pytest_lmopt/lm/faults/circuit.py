"""A model that can't be used is asked once: what it answered then is answered from then on.

Without this, every call and every suite of a session would meet the same wrong key anew.
"""

from __future__ import annotations

from pytest_lmopt.errors import ModelError
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.shared import Shared
from pytest_lmopt.wire import Completion, Request


class Circuit:
    """The models found unusable so far, with the reason: in this process, or with ``shared`` in the
    session.
    """

    def __init__(self, shared: Shared | None = None) -> None:
        self._broken: dict[str, ModelError] = {}
        self._shared = shared

    def note(self, model: str, error: ModelError) -> None:
        """A model can't be used; the first reason is kept."""
        self._broken.setdefault(model, error)
        if self._shared is not None:
            self._shared.note_unusable(model, str(error))

    def broken(self, model: str) -> ModelError | None:
        """Why a model can't be used, None if nothing is known against it."""
        if self._shared is None or model in self._broken:
            return self._broken.get(model)
        problem = self._shared.unusable(model)
        return None if problem is None else ModelError(problem, model=model)


class Noting:
    """Notes ``ModelError``s from the provider. Stands inside the metering, whose errors it leaves:
    a suite with a dollar budget may be unable to use a model that others can.
    """

    def __init__(self, lm: LM, circuit: Circuit) -> None:
        self._lm = lm
        self._circuit = circuit

    async def complete(self, request: Request) -> Completion:
        """Answer as the provider does."""
        try:
            return await self._lm.complete(request)
        except ModelError as error:
            self._circuit.note(request.model, error)
            raise


class Guarded:
    """Fails calls to broken models at once. Stands outside the metering: they cost nothing."""

    def __init__(self, lm: LM, circuit: Circuit) -> None:
        self._lm = lm
        self._circuit = circuit

    async def complete(self, request: Request) -> Completion:
        """Answer, or raise again what was raised before."""
        error = self._circuit.broken(request.model)
        if error is not None:
            # an error of its own: raising one object from many tasks piles up their tracebacks
            raise ModelError(str(error), model=error.model, answer=error.answer) from error
        return await self._lm.complete(request)
