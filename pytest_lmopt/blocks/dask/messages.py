"""What leader, worker and lane tell each other, as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pytest_lmopt.blocks.plain import request_from_plain, request_to_plain
from pytest_lmopt.lm.money.allowances import Allowance, Spending
from pytest_lmopt.lm.money.protocol import Amount, Remarks
from pytest_lmopt.lm.recordings.answer import dump_answer, load_answer
from pytest_lmopt.lm.recordings.files import Answer
from pytest_lmopt.lm.recordings.recorded import CacheMode
from pytest_lmopt.wire import Completion, Remark

DISTRIBUTION = "pytest-lmopt"


def our_version() -> str:
    """The installed version of this package; leader and workers must have the same."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A suite of a session, as a worker must know it to run the same test.

    ``args`` are the leader's arguments to pytest; ``inifile``, ``folder`` (where pytest was
    started) and ``paths`` (what is importable) are relative to ``root``. ``dataset`` and ``metric``
    are digests: what was collected there must have the same. ``telemetry`` are the leader's
    settings of OpenTelemetry. ``promise`` and ``replaying`` are as in ``Rules``.
    """

    session: str
    suite: str
    root: str
    inifile: str | None
    folder: str
    paths: tuple[str, ...]
    args: tuple[str, ...]
    model: str | None
    dataset: str
    metric: str
    telemetry: Mapping[str, str] = field(default_factory=dict)
    promise: str = ""
    replaying: bool = False
    version: str = field(default_factory=our_version)

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> Spec:
        """The spec that ``to_text`` wrote."""
        plain = json.loads(text)
        lists = {name: tuple(plain[name]) for name in ("paths", "args")}
        return Spec(**{**plain, **lists})


@dataclass(frozen=True, kw_only=True)
class Task:
    """A block to be run elsewhere: ``name`` is that of the task and of the lease on its allowance.

    ``answers`` are known ones, by their request's key. Without an ``allowance`` no model is asked.
    ``trace`` is the leader's span, if it has one.
    """

    name: str
    block: str
    mode: CacheMode
    answers: Mapping[str, Completion]
    allowance: Allowance | None = None
    trace: Mapping[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """As JSON, without the allowance: who claims its lease is told."""
        answers = {key: dump_answer(answer) for key, answer in self.answers.items()}
        plain = {name: getattr(self, name) for name in ("name", "block", "mode", "trace")}
        return json.dumps({**plain, "answers": answers})

    @staticmethod
    def from_text(text: str, allowance: str | None) -> Task:
        """The task that ``to_text`` wrote, with the allowance as text."""
        plain = json.loads(text)
        loaded = {key: load_answer(answer) for key, answer in plain["answers"].items()}
        answers = {key: answer for key, answer in loaded.items() if answer is not None}
        granted = Allowance(**json.loads(allowance)) if allowance else None
        return Task(**{**plain, "answers": answers, "allowance": granted})


class End(StrEnum):
    """How a task ended."""

    DONE = "done"
    """The block's runs are there, but for those the allowance did not suffice for."""
    LEFT = "left"
    """As ``DONE``; others can't be told in JSON, so they are left to the leader."""
    REFUSED = "refused"
    """The worker can't run this suite; the problem says why."""
    LOST = "lost"
    """The process that ran it ended, or its lease was claimed by one that did."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came of a task: ``runs`` as ``runs_to_text`` writes them, ``answers`` the new ones,
    marked as replayed.

    ``spending`` is None if nobody can tell.
    """

    end: End
    worker: str = ""
    problem: str = ""
    runs: str | None = None
    answers: tuple[Answer, ...] = ()
    spending: Spending | None = None

    def to_text(self) -> str:
        """As JSON."""
        answers = [
            [request_to_plain(request), dump_answer(answer)] for request, answer in self.answers
        ]
        spending = asdict(self.spending) if self.spending else None
        return json.dumps({**vars(self), "answers": answers, "spending": spending})

    @staticmethod
    def from_text(text: str) -> Reply:
        """The reply that ``to_text`` wrote."""
        plain: dict[str, Any] = json.loads(text)
        spending = plain["spending"]
        if spending is not None:
            spending = _spending(spending)
        answers = tuple(
            (request_from_plain(request), loaded)
            for request, answer in plain["answers"]
            if (loaded := load_answer(answer)) is not None
        )
        return Reply(
            **{**plain, "end": End(plain["end"]), "answers": answers, "spending": spending}
        )


def _spending(plain: dict[str, Any]) -> Spending:
    remarks = tuple(
        Remarks(**{**each, "first": Remark(*each["first"])}) for each in plain["remarks"]
    )
    return Spending(**{**plain, "dearest": Amount(**plain["dearest"]), "remarks": remarks})
