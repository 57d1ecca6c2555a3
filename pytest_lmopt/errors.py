"""Everything that can go wrong, as one tree.

::

    LmoptError
    ├── InputError               something the user wrote is wrong; nothing was run for it
    │   ├── PromptError          a prompt or prompt file
    │   ├── DatasetError         a dataset
    │   ├── BudgetError          the limits of a budget
    │   ├── SuiteError           a mark, a test signature, a metric that is not one
    │   ├── SnapshotError        a snapshot file
    │   ├── RecordError          a file of committed recordings
    │   ├── ReportError          a stored run, or a report, that can't be read or made
    │   ├── UnmeteredError       a call of litellm's that no budget would see
    │   ├── ClusterError         a Dask cluster that can't be used
    │   ├── TelemetryError       OpenTelemetry not installed, or nowhere to send spans to
    │   ├── StrategyError        a strategy of another package, or a meta-prompt, that can't be used
    │   └── ModelError           no model, key or quota, an unknown model, a local one not installed
    ├── LMError                  one call to a model
    │   ├── TransientError       rate limit, time-out, 5xx, connection: worth another try
    │   ├── RefusedError         the provider will never answer this request
    │   └── MissingAnswerError   still no answer after the retries
    │       └── UnrecordedError  no recording, and no model may be asked
    ├── AnswerError              the model answered, but not in the declared output fields
    ├── BudgetExhaustedError     the next call would exceed a limit
    ├── MetricError              a metric raised or returned nonsense: the suite is broken
    ├── IncompleteError          too many answers are missing to judge the suite
    ├── RecordingsError          the file of recorded answers can't be used
    ├── SessionFileError         the file that workers share can't be used
    ├── WorkersLostError         too many workers ended while they ran the same examples
    └── LostContextError         a prompt was called where no run can be seen

A message says what happened, which value was found and what to do; each error carries the object
it is about. Messages quote files, models and providers, so all are made fit to be shown: without
control characters or secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lmopt.safe_text import printable, redact

if TYPE_CHECKING:
    from pytest_lmopt.lm.seam import Request


class LmoptError(Exception):
    """Base of every error raised on purpose by this package."""

    def __init__(self, problem: str) -> None:
        super().__init__(printable(redact(problem)))


class InputError(LmoptError):
    """Something the user wrote is wrong; reported as a usage error, without a traceback."""


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
    """A pipeline calls a ``function`` of litellm's that is neither metered nor recorded.

    ``caught`` are those that are.
    """

    def __init__(self, function: str, *, caught: Sequence[str]) -> None:
        self.function = function
        if function in caught:
            advice = (
                f"it was taken from litellm.main, where it can't be caught; write 'from litellm "
                f"import {function}'"
            )
        else:
            advice = (
                f"only a Prompt and litellm's {' and '.join(caught)} are; ask before the suite, as "
                "in a fixture"
            )
        super().__init__(
            f"litellm's {function} was called inside a suite, where it would be neither charged to "
            f"the budget nor recorded, so it was not made: {advice}"
        )


class ModelError(InputError):
    """The model can't be used as configured; ``model`` is the name found, if any."""

    def __init__(self, problem: str, *, model: str | None) -> None:
        self.model = model
        super().__init__(problem)


class ClusterError(InputError):
    """The Dask cluster at ``address`` can't be used."""

    def __init__(self, problem: str, *, address: str) -> None:
        self.address = address
        given = address.replace("tcp://", "dask://").replace("tls://", "dask+tls://")
        super().__init__(f"--lm-executor={given}: {problem}")


class TelemetryError(InputError):
    """Spans were asked for, but can't be sent as things are."""


class LMError(LmoptError):
    """One call to a model failed; ``request`` is what was asked."""

    def __init__(self, problem: str, *, request: Request) -> None:
        self.request = request
        super().__init__(problem)


class TransientError(LMError):
    """Worth another try; ``retry_after`` is the provider's wish in seconds, if it gave one.

    ``rate_limited`` says that the provider has too much to do, rather than a fault.
    """

    def __init__(
        self,
        problem: str,
        *,
        request: Request,
        retry_after: float | None = None,
        rate_limited: bool = False,
    ) -> None:
        self.retry_after = retry_after
        self.rate_limited = rate_limited
        super().__init__(problem, request=request)


class RefusedError(LMError):
    """The provider refuses this request: too long, filtered, malformed."""


class MissingAnswerError(LMError):
    """No answer after all retries: the example is missing, never scored 0."""


class UnrecordedError(MissingAnswerError):
    """The request has no recording, and in replay mode no model is asked."""


class AnswerError(LmoptError):
    """An answer lacks declared output fields; ``text`` is the raw answer."""

    def __init__(self, problem: str, *, text: str) -> None:
        self.text = text
        super().__init__(f"{problem}; the answer was {text[:200]!r}")


class BudgetExhaustedError(LmoptError):
    """The next call would exceed a limit; ``limit`` names it (calls, tokens, usd or seconds)."""

    def __init__(self, problem: str, *, limit: str) -> None:
        self.limit = limit
        super().__init__(problem)


class MetricError(LmoptError):
    """A metric is broken; ``example_id`` is the example that showed it."""

    def __init__(self, problem: str, *, example_id: str) -> None:
        self.example_id = example_id
        super().__init__(f"metric failed on example {example_id!r}: {problem}")


class IncompleteError(LmoptError):
    """Too many answers are missing; ``missing`` maps example ids to the reason."""

    def __init__(self, problem: str, *, missing: dict[str, str]) -> None:
        self.missing = missing
        super().__init__(problem)


class RecordingsError(LmoptError):
    """The recordings can't be opened or read, though nothing says they are damaged."""

    def __init__(self, problem: str, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"the recorded answers in {path} can't be used: {problem}; run without them with "
            "--lm-cache=off"
        )


class WorkersLostError(LmoptError):
    """Too many worker processes ended while they worked on ``suite``."""

    def __init__(self, problem: str, *, suite: str) -> None:
        self.suite = suite
        super().__init__(problem)


class SessionFileError(LmoptError):
    """The file that the workers of a session share can't be used."""

    def __init__(self, problem: str, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path}, which all workers share, can't be used: {problem}; run without them (-n 0)"
        )


class LostContextError(LmoptError):
    """A prompt was called from a thread that does not know which run it belongs to."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        super().__init__(
            f"prompt {prompt!r} was called from a thread that the pipeline started itself, so it "
            "can't be told which candidate is being run. Wrap the function given to the thread: "
            "pool.submit(pytest_lmopt.carry_context(function), ...)"
        )
