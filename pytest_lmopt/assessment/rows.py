"""The rows that reports show of a suite's examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_lmopt.assessment.acceptance import prompt_name
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.scored_run import Outcome, ScoredRun
from pytest_lmopt.reports.example_rows import (
    LONGEST_EXCHANGE,
    MOST_CALLS,
    MOST_MESSAGES,
    MOST_RUNS,
    CallRow,
    ExampleRow,
    MessageRow,
    RunRow,
    ToolCallRow,
    cut,
    write_rows,
)
from pytest_lmopt.suites.clusters import group_names
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import TOOLS

if TYPE_CHECKING:
    from pytest_lmopt.strategies.search import SearchOutcome


def keep_rows(
    suite: Suite,
    terms: Terms,
    evaluation: Evaluation,
    baseline: Mapping[str, float] | None = None,
    outcome: SearchOutcome | None = None,
) -> None:
    """Leave the rows of an evaluation where the terms say: on disk, as they may be many.

    ``baseline`` holds the accepted scores of unchanged rows by example id.
    """
    if terms.examples is None:
        return
    winner: dict[str, float] = {}
    if outcome is not None and outcome.winner is not None:
        winner.update(outcome.winner.evaluation.scores)
        winner.update(outcome.winner_holdout.scores if outcome.winner_holdout else {})
    rows = example_rows(
        suite,
        evaluation,
        root=terms.root,
        show_holdout=terms.show_holdout,
        baseline=baseline or {},
        winner=winner,
    )
    # rows for reports must not cost a suite its verdict: the stored run, which needs the same
    # disk, is reported as not written
    with suppress(OSError):
        write_rows(terms.examples, rows)


def example_rows(
    suite: Suite,
    evaluation: Evaluation,
    *,
    root: Path,
    show_holdout: bool,
    baseline: Mapping[str, float],
    winner: Mapping[str, float],
) -> Iterator[ExampleRow]:
    """The rows of an evaluation, in its order; ``baseline`` and ``winner`` are scores by id."""
    examples = {example.id: example for example in suite.dataset}
    groups = group_names(suite.dataset.examples)
    splits = suite.splits.names
    for identity, group in groupby(evaluation.outcomes, key=lambda outcome: outcome.example):
        example, outcomes = examples[identity], list(group)
        hidden = splits[identity] == "holdout" and not show_holdout
        shown = 0 if hidden else MOST_RUNS
        runs = [_run(run, root) for run in evaluation.read(outcomes[:shown])]
        yield ExampleRow(
            id=identity,
            split=splits[identity],
            group=groups.get(identity),
            digest=example.digest,
            score=evaluation.scores.get(identity),
            baseline=baseline.get(identity),
            winner=winner.get(identity),
            inputs={} if hidden else _texts(example.inputs),
            expected="" if hidden else cut(_text(example.expected)),
            runs=[*runs, *map(_unseen, outcomes[shown:])],
        )


def _run(run: ScoredRun, root: Path) -> RunRow:
    calls = [
        *((call, False) for call in run.trace),
        *((call, True) for call in run.judging),
    ]
    return RunRow(
        ending=run.ending.value,
        score=run.score.value if run.score else None,
        got=cut(run.missing or run.got),
        feedback=cut(run.score.feedback if run.score else ""),
        tokens=run.usage.tokens,
        calls=[_call(call, root, judging=judging) for call, judging in calls[:MOST_CALLS]],
        unshown=len(calls[MOST_CALLS:]),
    )


def _unseen(outcome: Outcome) -> RunRow:
    return RunRow(
        ending=outcome.ending.value,
        score=outcome.value,
        got="",
        feedback="",
        tokens=outcome.usage.tokens,
        calls=[],
        unshown=outcome.usage.calls,
    )


def _call(call: Call, root: Path, *, judging: bool) -> CallRow:
    row = CallRow(
        prompt=prompt_name(call.prompt, root=root),
        inputs={} if call.dialect else _texts(call.inputs),
        text=cut(call.text),
        error=cut(call.error or ""),
        input_tokens=call.usage.input_tokens,
        output_tokens=call.usage.output_tokens,
        replayed=call.usage.replayed > 0,
        judging=judging,
        model=call.request.model if call.request else "",
        cached_tokens=call.usage.cached_tokens,
        reasoning_tokens=call.usage.reasoning_tokens,
    )
    if call.dialect:
        _add_messages(row, call)
    return row


def _add_messages(row: CallRow, call: Call) -> None:
    """Add what only clients' calls have."""
    messages = call.request.messages if call.request else ()
    tools = [each.content for each in messages if each.role == TOOLS]
    said = [each for each in messages if each.role != TOOLS]
    kept = _kept([MessageRow(role=each.role, content=cut(each.content)) for each in said])
    row["client"], row["dialect"] = call.client, call.dialect
    row["tools"] = cut("\n".join(tools))
    row["messages"], row["unshown"] = kept, len(said) - len(kept)
    row["tool_calls"] = [
        ToolCallRow(name=each.name, arguments=cut(each.arguments)) for each in call.tool_calls
    ]


def _kept(said: list[MessageRow]) -> list[MessageRow]:
    """The first message, and of the last ones as many as there is room for."""
    room = LONGEST_EXCHANGE - sum(len(each["content"]) for each in said[:1])
    last: list[MessageRow] = []
    for each in reversed(said[1:][1 - MOST_MESSAGES :]):
        room -= len(each["content"])
        if room < 0:
            break
        last.append(each)
    return [*said[:1], *reversed(last)]


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): cut(_text(value)) for name, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
