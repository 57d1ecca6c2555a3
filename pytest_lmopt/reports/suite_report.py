"""The report of one suite: a plain value that travels between processes as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pytest_lmopt.comparison.verdict import Comparison, Verdict
from pytest_lmopt.lm.net.openings import Opening
from pytest_lmopt.reports.redaction import without_secrets
from pytest_lmopt.wire import Usage

Status = Literal["passed", "failed", "error", "budget-stopped", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class FailingExample:
    """An example that scored under 1. Texts are empty for holdout examples, unless asked for."""

    id: str
    inputs: str = ""
    expected: str = ""
    got: str = ""
    feedback: str = ""


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Reliability over ``k`` runs of each example: at least one, or all, score 1."""

    k: int
    any_pass: float
    all_pass: float


@dataclass(frozen=True, kw_only=True)
class Charged:
    """What was charged of one kind (``calls``, ``tokens``, ``usd``, ``seconds``).

    By the budget closest to its limit; None where none limits it.
    """

    kind: str
    amount: float
    limit: float | None


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """A candidate that was raced on ``n`` dev examples.

    ``difference`` to the incumbent with its 95 % interval; mean ``score``, None where nothing was
    scored; ``tokens`` and ``seconds`` per call, ``size`` of its prompts in characters; ``calls``
    the search had made by then. ``efficient``: it was scored, and no other has a better score
    without more tokens or seconds.
    """

    name: str
    reason: str
    difference: float
    low: float
    high: float
    n: int
    score: float | None
    tokens: float
    size: int
    calls: int
    efficient: bool
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, kw_only=True)
class PartGain:
    """What the race showed of some of the winner's ``changes``, made without its others.

    Differences to the incumbent are those of the trial of ``candidate``, with their 95 % interval,
    over ``n`` dev examples; None where no candidate made just these changes.
    """

    changes: tuple[str, ...]
    candidate: str | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True, kw_only=True)
class SearchReport:
    """What a search tried and found; ``diff`` is the change to the prompt files.

    ``trials`` are the candidates raced, best first, and ``incumbent`` what they raced against, on
    dev, too. ``basis`` says why the winner is adopted: *improved*, *shorter* (and not worse by more
    than the margin) or *unproven*, empty if it is not; ``tokens`` are the incumbent's and the
    winner's per run on holdout. ``detectable`` is the difference that the ``holdout`` examples can
    show at ``alpha``, the level of this use. ``outdone_by`` names the suite on another model whose
    winner is written in place of this one, ``withheld`` says why the adopted winner is not written,
    or can't be.
    ``changes`` says of each prompt in a few words what the winner changes, ``gains`` what each
    change, and those of several that were raced together, brought without the others.
    """

    strategy: str
    trials: tuple[TrialReport, ...]
    winner: str | None
    reason: str
    confirmation: Comparison | None
    holdout_use: int
    accepted: bool
    note: str
    diff: str
    unwritable: tuple[str, ...]
    basis: str = ""
    tokens: tuple[float, float] = (0.0, 0.0)
    incumbent: TrialReport | None = None
    holdout: int = 0
    alpha: float = 0.0
    detectable: float = 0.0
    outdone_by: str = ""
    withheld: str = ""
    changes: tuple[str, ...] = ()
    gains: tuple[PartGain, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SharedCheck:
    """What ``suite`` makes of prompt ``files`` that other suites' winners would rewrite.

    ``problem`` says why it can't live with them, empty if it can; ``accept`` is what the suite
    then accepts in place of its report's.
    """

    suite: str
    files: tuple[str, ...]
    problem: str
    comparison: Comparison | None = None
    accept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SuiteReport:
    """Everything shown of one suite.

    ``score`` in [0, 1] with its 95 % interval over ``n`` examples, None where nothing was scored;
    ``baseline`` says what it was compared with; ``spared`` counts the examples an early stop left
    out; ``accepting`` says that the run was asked to accept. ``accept`` maps the paths that
    ``--lm-snapshot-update`` writes, relative to the root folder, to their text, which is empty
    where the run neither accepts nor searches nor records; where none of them is written,
    ``counted`` are those that count a search's use of the holdout, and ``withheld`` says why none
    of them is, or can be. ``prompts`` names the prompts it called and, if it did not end, those
    accepted; ``changed`` those that differ from the accepted ones; ``orphans`` are the
    session's snapshots that belong to no test, ``notices`` what its process has to say besides.
    ``missing_because`` is the id and reason of the first missing example, or of the first that only
    some runs of are, ``warning`` what the author may have overlooked, ``notes`` how the dataset
    changed and which of its rows belong together. ``dataset``, ``metric`` and, by name, ``digests``
    of the prompts identify what the scores are of. ``charged`` is what its budgets were charged.
    ``openings`` are what it opened past the interception; where ``intercept_off`` is not empty, it
    names the hosts that ``lm_intercept`` leaves alone. ``setup`` is the usage of calls in fixtures,
    which ``usage`` includes.
    """

    suite: str
    status: Status
    problem: str
    model: str
    n: int
    score: float | None
    low: float | None
    high: float | None
    baseline: str
    comparison: Comparison | None
    failing: tuple[FailingExample, ...]
    missing: int
    skipped: int
    usage: Usage
    budget: str
    seconds: float
    accepting: bool = False
    spared: int = 0
    repeats: Repeats | None = None
    search: SearchReport | None = None
    prompts: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    missing_because: str = ""
    warning: str = ""
    notes: tuple[str, ...] = ()
    charged: tuple[Charged, ...] = ()
    notices: tuple[str, ...] = ()
    threshold: float | None = None
    margin: float = 0.0
    dataset: str = ""
    metric: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    accept: Mapping[str, str] = field(default_factory=dict)
    counted: Mapping[str, str] = field(default_factory=dict)
    openings: tuple[Opening, ...] = ()
    intercept_off: str = ""
    setup: Usage = field(default_factory=Usage)
    withheld: str = ""


def to_json(report: SuiteReport) -> str:
    """The report as one line of JSON, without secrets: the process that knows them writes it.

    In ASCII: a model's text may hold half a surrogate pair.
    """
    return json.dumps(without_secrets(asdict(report)))


def from_json(text: str) -> SuiteReport:
    """The report that ``to_json`` wrote."""
    fields = json.loads(text)
    search = fields.pop("search")
    if search is not None:
        search["trials"] = tuple(TrialReport(**trial) for trial in search["trials"])
        search["unwritable"] = tuple(search["unwritable"])
        search["tokens"] = tuple(search["tokens"])
        if search["incumbent"] is not None:
            search["incumbent"] = TrialReport(**search["incumbent"])
        search["changes"] = tuple(search["changes"])
        search["gains"] = tuple(
            PartGain(**{**gain, "changes": tuple(gain["changes"])})
            for gain in search.get("gains", ())
        )
        search["confirmation"] = _comparison(search["confirmation"])
        search = SearchReport(**search)
    return SuiteReport(
        **{
            **fields,
            "search": search,
            "comparison": _comparison(fields["comparison"]),
            "usage": Usage(**fields["usage"]),
            "setup": Usage(**fields.get("setup", {})),
            "repeats": Repeats(**fields["repeats"]) if fields["repeats"] else None,
            "prompts": tuple(fields["prompts"]),
            "changed": tuple(fields["changed"]),
            "orphans": tuple(fields["orphans"]),
            "notices": tuple(fields["notices"]),
            "notes": tuple(fields["notes"]),
            "charged": tuple(Charged(**each) for each in fields["charged"]),
            "openings": tuple(Opening(**each) for each in fields.get("openings", ())),
            "failing": tuple(FailingExample(**example) for example in fields["failing"]),
        }
    )


def _comparison(fields: dict[str, Any] | None) -> Comparison | None:
    if fields is None:
        return None
    return Comparison(**{**fields, "verdict": Verdict(fields["verdict"])})
