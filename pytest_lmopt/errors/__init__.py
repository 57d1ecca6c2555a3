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
    │   ├── UnmeteredError       a call or connection that no budget would see
    │   ├── ClusterError         a Dask cluster that can't be used
    │   ├── PackageError         a release of another package lacks what we rely on
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
    ├── BookError                the account book can't be used
    ├── SessionFileError         the file that workers share can't be used
    ├── JournalError             the journal of a search can't be written
    ├── WorkersLostError         too many workers ended while they ran the same examples
    ├── CallerLeftError          the thread or task that sends a call has ended
    ├── LostContextError         a prompt was called where no run can be seen
    └── EventLoopError           no event loop can be opened, as sockets are blocked

A message says what happened, which value was found and what to do; each error carries the object
it is about. Messages quote files, models and providers, so all are made fit to be shown: without
control characters or secrets. ``LmoptDeprecationWarning`` warns of a former name.
"""

from __future__ import annotations

from pytest_lmopt.errors.base import (
    InputError,
    LmoptDeprecationWarning,
    LmoptError,
)
from pytest_lmopt.errors.inputs import (
    BudgetError,
    ClusterError,
    DatasetError,
    ModelError,
    PackageError,
    PromptError,
    RecordError,
    ReportError,
    SnapshotError,
    StrategyError,
    SuiteError,
    TelemetryError,
    UnmeteredError,
)
from pytest_lmopt.errors.running import (
    AnswerError,
    BookError,
    BudgetExhaustedError,
    CallerLeftError,
    EventLoopError,
    IncompleteError,
    JournalError,
    LMError,
    LostContextError,
    MetricError,
    MissingAnswerError,
    RecordingsError,
    RefusedError,
    SessionFileError,
    TransientError,
    UnrecordedError,
    WorkersLostError,
)

__all__ = [
    "AnswerError",
    "BookError",
    "BudgetError",
    "BudgetExhaustedError",
    "CallerLeftError",
    "ClusterError",
    "DatasetError",
    "EventLoopError",
    "IncompleteError",
    "InputError",
    "JournalError",
    "LMError",
    "LmoptDeprecationWarning",
    "LmoptError",
    "LostContextError",
    "MetricError",
    "MissingAnswerError",
    "ModelError",
    "PackageError",
    "PromptError",
    "RecordError",
    "RecordingsError",
    "RefusedError",
    "ReportError",
    "SessionFileError",
    "SnapshotError",
    "StrategyError",
    "SuiteError",
    "TelemetryError",
    "TransientError",
    "UnmeteredError",
    "UnrecordedError",
    "WorkersLostError",
]
