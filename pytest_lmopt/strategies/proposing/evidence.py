"""What is known of a pipeline, as proposers are told it: steps, runs, scores and feedback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.safe_text import redact
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example

MOST_CHARACTERS = 600
"""Of one value; longer ones are cut in their middle."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One prompt as a proposer is told of it; ``name`` is short, and distinct in its pipeline.

    ``place`` says where in the pipeline it is called, and how often.
    """

    key: str
    name: str
    inputs: str
    outputs: str
    instruction: str
    demos: int
    place: str


def steps(candidate: Candidate, runs: Iterable[ScoredRun]) -> list[Step]:
    """The prompts of ``candidate`` in the order the runs call them."""
    calls: Counter[str] = Counter()
    first: dict[str, int] = {}
    number = 0
    for run in runs:
        number += 1
        for position, call in enumerate(run.trace):
            calls[call.prompt] += 1
            first[call.prompt] = min(position, first.get(call.prompt, position))
    order = sorted(candidate.states, key=lambda key: (first.get(key, len(first)), key))
    names = short_names(order)
    return [
        Step(
            key=key,
            name=names[key],
            inputs=", ".join(candidate.states[key].inputs),
            outputs=", ".join(candidate.states[key].outputs),
            instruction=candidate.states[key].instruction.strip(),
            demos=len(candidate.states[key].demos),
            place=f"step {place} of {len(order)}, called {_often(calls[key], number)}",
        )
        for place, key in enumerate(order, start=1)
    ]


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """A distinct name for each prompt key: its file's stem, numbered where two are the same."""
    names: dict[str, str] = {}
    for key in keys:
        stem = PurePath(key).stem or key
        name, number = stem, 2
        while name in names.values():
            name, number = f"{stem}-{number}", number + 1
        names[key] = name
    return names


def told(
    evaluation: Evaluation,
    examples: Mapping[str, Example],
    names: Mapping[str, str],
    *,
    wanted: Iterable[str],
) -> list[str]:
    """What happened on the examples ``wanted``, in their order: calls, answer, score, feedback."""
    by_id: dict[str, list[ScoredRun]] = {}
    for run in evaluation.read(
        [outcome for outcome in evaluation.outcomes if outcome.example in set(wanted)]
    ):
        by_id.setdefault(run.example, []).append(run)
    return [
        _told(run, examples[identity], names)
        for identity in wanted
        for run in by_id.get(identity, [])[:1]
    ]


def _told(run: ScoredRun, example: Example, names: Mapping[str, str]) -> str:
    lines = [f"Input: {shown(dict(example.inputs))}"]
    for call in run.trace:
        name = names.get(call.prompt, call.prompt)
        answer = call.text if call.error is None else f"failed: {call.error}"
        lines.append(f"Step {name} was given {shown(dict(call.inputs))} and said: {shown(answer)}")
    lines.append(f"Final answer: {shown(run.got)}")
    if example.expected is not None:
        lines.append(f"Expected: {shown(example.expected)}")
    if run.score is not None:
        lines.append(f"Score: {run.score.value:.2f}")
        if run.score.feedback:
            lines.append(f"Feedback: {shown(run.score.feedback)}")
    return redact("\n".join(lines))


def shown(value: object) -> str:
    """A value as text of bounded length; a mapping of one text is that text."""
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    text = str(value)
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]} [...] {text[-half:]}"


def _often(calls: int, runs: int) -> str:
    if not runs or not calls:
        return "in some runs"
    often = calls / runs
    return "once a run" if often == 1 else f"{often:.1f} times a run"
