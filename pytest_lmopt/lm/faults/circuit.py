"""A model that can't be used is asked once: what it answered then is answered from then on.

Without this, every call and every suite of a session would meet the same wrong key anew.
"""

from __future__ import annotations

from pytest_lmopt.errors import ModelError
from pytest_lmopt.lm.seam import LM, Completion, Request


class Circuit:
    """The models found unusable so far in this process, with the reason."""

    def __init__(self) -> None:
        self.broken: dict[str, ModelError] = {}


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
            self._circuit.broken.setdefault(request.model, error)
            raise


class Guarded:
    """Fails calls to broken models at once. Stands outside the metering: they cost nothing."""

    def __init__(self, lm: LM, circuit: Circuit) -> None:
        self._lm = lm
        self._circuit = circuit

    async def complete(self, request: Request) -> Completion:
        """Answer, or raise again what was raised before."""
        error = self._circuit.broken.get(request.model)
        if error is not None:
            # an error of its own: raising one object from many tasks piles up their tracebacks
            raise ModelError(str(error), model=error.model) from error
        return await self._lm.complete(request)
