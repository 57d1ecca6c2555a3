"""Acting once a module is imported, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class Watch:
    """An import finder that finds the named modules as ever, and acts after their execution."""

    def __init__(self, names: Sequence[str], then: Callable[[str], object]) -> None:
        self._names = frozenset(names)
        self._then = then

    def begin(self) -> None:
        """Watch imports from now on."""
        # a new list, not a changed one: another thread may be walking along the old one
        sys.meta_path = [self, *sys.meta_path]

    def end(self) -> None:
        """Watch no longer."""
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own spec, with a step added after its execution."""
        spec = PathFinder.find_spec(name, path, target) if name in self._names else None
        if spec is None or spec.loader is None:
            return None
        loader = spec.loader

        def execute(module: ModuleType) -> None:
            del loader.exec_module  # the loader stays behind on the module: leave it as it was
            loader.exec_module(module)
            self._then(name)

        loader.exec_module = execute  # type: ignore[method-assign]  # undone
        return spec
