"""Catching the calls to litellm that bypass ``Prompt``, without touching the code that makes them.

litellm's public ``completion`` and ``acompletion`` only hand their arguments to a dispatcher that
they look up in their module at each call. While runs are open, that dispatcher is ours. The
functions stay the objects they are, so it does not matter under which name, in which closure or
since when a pipeline or its framework holds them, and afterwards none of them is left changed.
Whoever asks ``litellm.main`` for its functions of the same names is given the public ones.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.direct.calls import direct_call
from pytest_lmopt.lm.direct.refusal import PUBLIC, Refused, refusing
from pytest_lmopt.lm.tracing import our_own

_HOME = "litellm.chat_completions.dispatch"
_NAMES = ("_DISPATCH", "_ADISPATCH")
_OTHERS = ("litellm.messages.dispatch", "litellm.ocr.dispatch")
"""Where not every call begins by naming its kind."""

_lock = threading.RLock()
_open = 0
_undo: Callable[[], None] | None = None


class Caught:
    """Stands in for a dispatcher of litellm's: answers calls of a run, hands all others on."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def run(self, args: Sequence[Any], kwargs: Mapping[str, Any], **rest: Any) -> Any:
        """A call of ``litellm.completion``."""

        def make(**arguments: Any) -> Any:
            return self._original.run((), arguments, **rest)

        call = direct_call(make, rest["python"], args, kwargs, asynchronous=False)
        if call is None:
            with our_own():
                return self._original.run(args, kwargs, **rest)
        return call.answer()

    async def arun(self, args: Sequence[Any], kwargs: Mapping[str, Any], **rest: Any) -> Any:
        """A call of ``litellm.acompletion``."""

        def make(**arguments: Any) -> Awaitable[Any]:
            answer: Awaitable[Any] = self._original.arun((), arguments, **rest)
            return answer

        call = direct_call(make, rest["python"], args, kwargs, asynchronous=True)
        if call is None:
            with our_own():
                return await self._original.arun(args, kwargs, **rest)
        return await call.aanswer()


@contextmanager
def catching() -> Iterator[None]:
    """Catch direct calls until the last such block ends.

    Raises ``LmoptError`` where litellm is a version that hands its calls on in another way.
    """
    global _open, _undo  # noqa: PLW0603 - litellm is there once per process, and so is this
    with _lock:
        if _open == 0:
            _undo = _catch() if sys.modules.get("litellm") else _catch_once_imported()
        _open += 1
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if _open == 0 and _undo is not None:
                _undo()
                _undo = None


def _catch() -> Callable[[], None]:
    """Put what stands in for litellm's own in place; the function returned undoes it."""
    try:
        home, main, utils = map(importlib.import_module, (_HOME, "litellm.main", "litellm.utils"))
        begin = utils._get_call_type_from_public_name
        stand_ins: list[tuple[Any, str, Any]] = []
        stand_ins += [(home, name, Caught(getattr(home, name))) for name in _NAMES]
        stand_ins += [(main, name, getattr(home, name)) for name in PUBLIC]
        stand_ins += [(utils, begin.__name__, refusing(begin))]
        for module in filter(None, map(sys.modules.get, _OTHERS)):
            stand_ins += [(module, name, Refused(getattr(module, name))) for name in _NAMES]
    except (ImportError, AttributeError) as error:
        raise LmoptError(
            "calls made with litellm itself could not be metered, as the installed litellm is not "
            f"one this version knows ({error}); install 'litellm>=1.106,<1.107'"
        ) from error
    litellm: Any = sys.modules["litellm"]
    retries = litellm.num_retries
    originals = [(module, name, getattr(module, name)) for module, name, _ in stand_ins]
    for module, name, stand_in in stand_ins:
        setattr(module, name, stand_in)
    # attempts that litellm makes by itself are paid for by nobody: ours take their place
    litellm.num_retries = None

    def undo() -> None:
        for module, name, original in originals:
            setattr(module, name, original)
        litellm.num_retries = retries

    return undo


def _catch_once_imported() -> Callable[[], None]:
    """Wait for a pipeline that imports litellm in the middle of a run."""
    watch = _Watch()
    # a new list, not a changed one: another thread may be walking along the old one
    sys.meta_path = [watch, *sys.meta_path]

    def undo() -> None:
        sys.meta_path = [finder for finder in sys.meta_path if finder is not watch]

    return undo


class _Watch:
    """An import finder that finds litellm's dispatchers as ever, and catches what goes there."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own spec, with a step added after its execution."""
        spec = PathFinder.find_spec(name, path, target) if name == _HOME else None
        if spec is None or spec.loader is None:
            return None
        loader = spec.loader

        def execute(module: ModuleType) -> None:
            del loader.exec_module  # the loader stays behind on the module: leave it as it was
            loader.exec_module(module)
            _imported(self)

        loader.exec_module = execute  # type: ignore[method-assign]  # undone
        return spec


def _imported(watch: _Watch) -> None:
    global _undo  # noqa: PLW0603 - as above
    with _lock:
        sys.meta_path = [finder for finder in sys.meta_path if finder is not watch]
        if _open:
            _undo = _catch()
