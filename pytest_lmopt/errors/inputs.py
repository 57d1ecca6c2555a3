"""What the user wrote is wrong: nothing was run for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_lmopt.errors.base import InputError


class PromptError(InputError):
    """A prompt can't be loaded or called.

    ``problem`` is the bare message; ``path``, ``field`` and ``line`` (1-based) say where, as far as
    they are known.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: Path | str | None = None,
        field: str | None = None,
        line: int | None = None,
    ) -> None:
        self.problem = problem
        self.path, self.field, self.line = path, field, line
        place = ", ".join(
            part
            for part in (
                str(path) if path is not None else "",
                f"line {line}" if line is not None else "",
                f"field '{field}'" if field is not None else "",
            )
            if part
        )
        super().__init__(f"{place}: {problem}" if place else problem)


class DatasetError(InputError):
    """A dataset can't be used; ``source`` is its file or a description of it."""

    def __init__(self, problem: str, *, source: str) -> None:
        self.source = source
        super().__init__(f"dataset {source}: {problem}")


class SuiteError(InputError):
    """A suite is declared wrongly; ``suite`` is its node id."""

    def __init__(self, problem: str, *, suite: str) -> None:
        self.suite = suite
        super().__init__(f"{suite}: {problem}")


class BudgetError(InputError):
    """A budget's limits are none; ``limit`` is the name found."""

    def __init__(self, problem: str, *, limit: str) -> None:
        self.limit = limit
        super().__init__(problem)


class SnapshotError(InputError):
    """A snapshot file can't be read; ``path`` is the file."""

    def __init__(self, problem: str, *, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}")


class StrategyError(InputError):
    """What a search was to go by can't be used; ``strategy`` names the strategy or meta-prompt."""

    def __init__(self, problem: str, *, strategy: str) -> None:
        self.strategy = strategy
        super().__init__(problem)


class RecordError(InputError):
    """A file of committed recordings can't be read; ``path`` and ``line`` (1-based) say where."""

    def __init__(self, problem: str, *, path: Path, line: int) -> None:
        self.path, self.line = path, line
        super().__init__(
            f"{path}, line {line}: {problem}; restore the file from git, or delete it and run "
            "--lm-snapshot-update to make it anew"
        )


class ReportError(InputError):
    """A stored run can't be read, or a report can't be made of it; ``source`` names which."""

    def __init__(self, problem: str, *, source: str) -> None:
        self.source = source
        super().__init__(f"{source}: {problem}")


class UnmeteredError(InputError):
    """A suite calls what is neither metered nor recorded; ``target`` is the host or function."""

    def __init__(self, problem: str, *, target: str) -> None:
        self.target = target
        super().__init__(problem)

    @classmethod
    def connection(cls, target: str, *, opener: str, promise: str) -> UnmeteredError:
        """Make the error of a connection to ``target`` that would break a ``promise``."""
        host = target.rpartition(":")[0]
        return cls(
            f"{opener} opens a connection past the plugin: under {promise}, only calls that can be "
            f"counted and recorded expected, found a connection to {target}, which was refused. If "
            f"{host} serves models, ask it through a client that the plugin knows (Prompt, "
            f'litellm, an SDK on httpx); if not, add "off: {target}" to the ini value '
            'lm_intercept, or set intercept="off" in lm_suite for this suite alone',
            target=target,
        )


class ModelError(InputError):
    """The model can't be used as configured; ``model`` is the name found, if any.

    ``answer`` is the provider's whole answer to a call of a client's, as plain JSON.
    """

    def __init__(
        self, problem: str, *, model: str | None, answer: Mapping[str, Any] | None = None
    ) -> None:
        self.model = model
        self.answer = answer
        super().__init__(problem)


class ClusterError(InputError):
    """The Dask cluster at ``address`` can't be used."""

    def __init__(self, problem: str, *, address: str) -> None:
        self.address = address
        given = address.replace("tcp://", "dask://").replace("tls://", "dask+tls://")
        super().__init__(f"--lm-executor={given}: {problem}")


class TelemetryError(InputError):
    """Spans were asked for, but can't be sent as things are."""


class PackageError(InputError):
    """The installed release of another ``package`` can't be used."""

    def __init__(self, problem: str, *, package: str) -> None:
        self.package = package
        super().__init__(problem)
