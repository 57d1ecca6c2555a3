"""What reports tell of single examples: rows of JSON, on disk since there may be many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NotRequired, TypedDict

from pytest_lmopt.reports.json_text import json_text
from pytest_lmopt.reports.redaction import without_secrets
from pytest_lmopt.reports.whole_files import write_whole

LONGEST_TEXT = 4_000
"""Characters of a text that are kept."""
MOST_CALLS = 30
"""Calls of a run that are kept."""
MOST_MESSAGES = 30
"""Messages of a call that are kept: the first, and the last ones."""
LONGEST_EXCHANGE = 20_000
"""Characters of a call's messages that are kept: an agent sends all it has said with each call."""
MOST_RUNS = 10
"""Runs of an example whose texts and calls are kept."""


class MessageRow(TypedDict):
    """One message of a client's call, as text; ``role`` is the provider's word."""

    role: str
    content: str


class ToolCallRow(TypedDict):
    """One tool that a model asks for; ``arguments`` are JSON text."""

    name: str
    arguments: str


class CallRow(TypedDict):
    """One LM call; ``judging`` says that the metric made it, ``error`` why there is no answer.

    ``model`` is the model really asked. A client's call has no ``inputs``, but ``client`` (the
    client's own name), ``dialect``, ``tools`` (those offered, as JSON), ``messages`` in order, of
    which ``unshown`` in the middle are left out, and the ``tool_calls`` of its answer.
    ``cached_tokens`` and ``reasoning_tokens`` are parts of input and output.
    """

    prompt: str
    inputs: dict[str, str]
    text: str
    error: str
    input_tokens: int
    output_tokens: int
    replayed: bool
    judging: bool
    model: NotRequired[str]
    cached_tokens: NotRequired[int]
    reasoning_tokens: NotRequired[int]
    client: NotRequired[str]
    dialect: NotRequired[str]
    tools: NotRequired[str]
    messages: NotRequired[list[MessageRow]]
    unshown: NotRequired[int]
    tool_calls: NotRequired[list[ToolCallRow]]


class RunRow(TypedDict):
    """One run of an example; ``got`` is its prediction, or why there is none.

    ``unshown`` counts the calls it made beyond those kept.
    """

    ending: str
    score: float | None
    got: str
    feedback: str
    tokens: int
    calls: list[CallRow]
    unshown: int


class ExampleRow(TypedDict):
    """One example; its scores are means over its runs.

    ``baseline`` is the accepted score if the example is still what it was, ``winner`` that of a
    search's winner. ``digest`` identifies the content. Of holdout examples there are no texts and
    no calls, unless they were asked for.
    """

    id: str
    split: str
    group: str | None
    digest: str
    score: float | None
    baseline: float | None
    winner: float | None
    inputs: dict[str, str]
    expected: str
    runs: list[RunRow]


def cut(text: str) -> str:
    """The text, or its beginning and how much of it there is."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… ({len(text):,} characters)"


def write_rows(path: Path, rows: Iterable[ExampleRow]) -> None:
    """Write rows, one a line, in place of what is there."""
    write_whole(path, (f"{json_text(without_secrets(row))}\n" for row in rows))


def row_lines(path: Path) -> Iterator[str]:
    """The rows that were written, each as JSON; none where nothing was."""
    if path.exists():
        with path.open(encoding="utf-8") as file:
            yield from (line.rstrip("\n") for line in file)
