"""Blocks and scored runs as JSON, and back: how they are stored, and sent between processes.

Of inputs and outputs, what JSON lacks is written as the text that a template would show of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pytest_lmopt.blocks.runner import Block
from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.lm.money.usage import recorded_usage
from pytest_lmopt.lm.net.openings import Opening
from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.score import Score
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.runs.outcomes import SessionEnded
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Message, Request, ToolCall

Plain = dict[str, Any]
"""A JSON object."""


class NotPlainError(ValueError):
    """A prompt holds values that JSON lacks, so it would not arrive as it was sent."""


def block_to_text(block: Block) -> str:
    """A block for another process that has the same dataset; raises ``NotPlainError``."""
    states = {key: state_to_plain(state) for key, state in block.candidate.states.items()}
    return json.dumps(
        {
            "candidate": block.candidate.name,
            "states": states,
            "examples": [example.id for example in block.examples],
            "repeat": block.repeat,
        }
    )


def block_from_text(text: str, examples: Mapping[str, Example]) -> Block:
    """The block that ``block_to_text`` wrote; ``examples`` by id."""
    plain = json.loads(text)
    states = {key: state_from_plain(state) for key, state in plain["states"].items()}
    return Block(
        candidate=Candidate(name=plain["candidate"], states=states),
        examples=tuple(examples[identity] for identity in plain["examples"]),
        repeat=plain["repeat"],
    )


def examples_of(text: str) -> list[str]:
    """The ids of the examples of a block that ``block_to_text`` wrote."""
    return list(json.loads(text)["examples"])


def runs_to_text(runs: Iterable[ScoredRun], candidate: Candidate) -> str:
    """A block's scored runs for whoever has the candidate; raises ``NotPlainError``."""
    runs = list(runs)
    known = {state.digest for state in candidate.states.values()}
    others = {
        state.digest: state
        for run in runs
        for state in run.states.values()
        if state.digest not in known
    }
    return json.dumps(
        {
            "states": {digest: state_to_plain(state) for digest, state in others.items()},
            "runs": [run_to_plain(run) for run in runs],
        }
    )


def ended_to_text(ended: SessionEnded) -> str:
    """In place of a block's scored runs: one of them ended the session."""
    return json.dumps({"ended": {"reason": ended.reason, "returncode": ended.returncode}})


def runs_from_text(text: str, candidate: Candidate) -> list[ScoredRun]:
    """The scored runs that ``runs_to_text`` wrote; raises what ``ended_to_text`` wrote."""
    plain = json.loads(text)
    if "ended" in plain:
        raise SessionEnded(**plain["ended"])
    states = {state.digest: state for state in candidate.states.values()}
    states |= {digest: state_from_plain(state) for digest, state in plain["states"].items()}
    return [run_from_plain(run, states) for run in plain["runs"]]


def state_to_plain(state: PromptState) -> Plain:
    """A prompt state as JSON; raises ``NotPlainError`` where it would come back as another one."""
    try:
        plain: Plain = json.loads(json.dumps(asdict(state)))
    except (TypeError, ValueError) as error:
        raise NotPlainError(f"prompt {state.instruction[:60]!r} is no JSON: {error}") from None
    return plain


def state_from_plain(plain: Plain) -> PromptState:
    """The state that ``state_to_plain`` wrote."""
    lists = {name: tuple(plain[name]) for name in ("inputs", "outputs", "demos")}
    return PromptState(**{**plain, **lists})


def run_to_plain(run: ScoredRun) -> Plain:
    """A scored run as JSON, its prompts' states by digest only."""
    return {
        "example": run.example,
        "repeat": run.repeat,
        "ending": run.ending.value,
        "score": [run.score.value, run.score.feedback] if run.score else None,
        "got": run.got,
        "kind": run.kind,
        "missing": run.missing,
        "trace": [_call_to_plain(call) for call in run.trace],
        "judging": [_call_to_plain(call) for call in run.judging],
        "states": {key: state.digest for key, state in run.states.items()},
        "answered": run.answered,
        "openings": [vars(each) for each in run.openings],
    }


def run_from_plain(plain: Plain, states: Mapping[str, PromptState]) -> ScoredRun:
    """The run that ``run_to_plain`` wrote; ``states`` by digest."""
    score = plain["score"]
    return ScoredRun(
        **{
            **plain,
            "ending": Ending(plain["ending"]),
            "score": Score(value=score[0], feedback=score[1]) if score else None,
            "trace": tuple(map(_call_from_plain, plain["trace"])),
            "judging": tuple(map(_call_from_plain, plain["judging"])),
            "states": {key: states[digest] for key, digest in plain["states"].items()},
            "answered": tuple((place, form) for place, form in plain["answered"]),
            "openings": tuple(Opening(**each) for each in plain["openings"]),
        }
    )


def _call_to_plain(call: Call) -> Plain:
    plain = {**vars(call), "usage": vars(call.usage)}
    plain["inputs"] = {name: _shown(value) for name, value in call.inputs.items()}
    plain["outputs"] = {name: _shown(value) for name, value in call.outputs.items()}
    if call.request is not None:
        plain["request"] = request_to_plain(call.request)
    return plain


def _call_from_plain(plain: Plain) -> Call:
    request = plain["request"]
    if request is not None:
        request = request_from_plain(request)
    tool_calls = tuple(ToolCall(*each) for each in plain["tool_calls"])
    usage = recorded_usage(plain["usage"])
    return Call(**{**plain, "usage": usage, "request": request, "tool_calls": tool_calls})


def request_to_plain(request: Request) -> Plain:
    """A request as JSON, without what its key does not depend on."""
    return {
        "model": request.model,
        "messages": request.messages,
        "params": json.loads(canonical_json(dict(request.params))),
        "repeat": request.repeat,
    }


def request_from_plain(plain: Plain) -> Request:
    """The request that ``request_to_plain`` wrote."""
    return Request(**{**plain, "messages": tuple(Message(*each) for each in plain["messages"])})


def _shown(value: Any) -> Any:
    """A value that JSON can hold: itself, or its text."""
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return str(value)
    return value
