"""The user's own LM: any object with the seam's method, held to what the wrappers rely on."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_lmopt.canonical import digest
from pytest_lmopt.errors import LmoptError, ModelError, TransientError
from pytest_lmopt.lm.seam import LM, FunctionLM
from pytest_lmopt.safe_text import said
from pytest_lmopt.suites.object_content import content
from pytest_lmopt.wire import OFFERED, Completion, Request


class Offered:
    """Asks the LM that the hook returned; each answer counts as one call.

    An error of ours passes. A broken connection and a time-out are worth another try; any other
    exception is a fault of the LM, so it ends the suite.
    """

    def __init__(self, lm: LM) -> None:
        self._lm = lm

    async def complete(self, request: Request) -> Completion:
        """Ask once; raises ``TransientError``, ``ModelError`` or the LM's own ``LmoptError``."""
        try:
            completion: Any = self._lm.complete(request)
            if inspect.isawaitable(completion):
                completion = await completion
        except LmoptError:
            raise
        except (OSError, TimeoutError) as error:
            raise TransientError(_problem(self._lm, error), request=request) from error
        except Exception as error:
            raise ModelError(
                f"{_problem(self._lm, error)}. Return a Completion, or raise an error of "
                "pytest_lmopt.errors, such as TransientError",
                model=request.model,
            ) from error
        if not isinstance(completion, Completion) or not isinstance(completion.text, str):
            raise ModelError(
                f"the LM {_name(self._lm)} of the hook {OFFERED} returned a wrong answer: a "
                f"Completion with a text expected, found {completion!r:.200}",
                model=request.model,
            )
        return replace(completion, usage=replace(completion.usage, calls=1, replayed=0))


def check_lm(found: object) -> None:
    """Raise ``ModelError`` for what a hook returned in place of an LM."""
    if not callable(getattr(found, "complete", None)) or isinstance(found, type):
        raise ModelError(
            f"the hook {OFFERED} returned no LM: an object with 'async def complete(self, "
            f"request)' expected, found {found!r:.200}. Return one, such as FunctionLM(function), "
            "or None",
            model=None,
        )


def name_of(lm: LM, *, root: Path) -> str:
    """Name an LM's model by the hook and the LM's code: recordings know a model by its name.

    A changed fake is another model. An LM whose code can't be identified has the hook's name.
    """
    try:
        text = content(lm.function if isinstance(lm, FunctionLM) else lm, root=root)
    except Exception:  # its attributes may do anything
        return OFFERED
    return f"{OFFERED}/{digest(text, length=8)}"


def _problem(lm: LM, error: Exception) -> str:
    message = said(error)
    raised = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return f"the LM {_name(lm)} of the hook {OFFERED} raised {raised}"


def _name(lm: LM) -> str:
    return type(lm).__qualname__
