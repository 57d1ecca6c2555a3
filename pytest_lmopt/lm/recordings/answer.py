"""A recorded answer as text, and back: what is read is sound, or it is not read."""

from __future__ import annotations

import json

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.lm.money.usage import recorded_usage
from pytest_lmopt.wire import Completion, Refusal, WholeCompletion


def dump_answer(completion: Completion) -> str:
    """The text that ``load_answer`` reads."""
    parts: dict[str, object] = {"text": completion.text, "usage": vars(completion.usage)}
    if isinstance(completion, WholeCompletion):
        parts["whole"] = completion.whole
    if isinstance(completion, Refusal):
        parts["refused"] = completion.problem
    return storable(parts)


def load_answer(answer: str | bytes) -> Completion | None:
    """The answer, marked as replayed; None where the text is damaged."""
    try:
        fields = json.loads(answer)
        text, usage = fields["text"], recorded_usage(fields["usage"]).as_replayed
        if not isinstance(text, str):
            return None
        if "whole" in fields:
            return WholeCompletion(text=text, usage=usage, whole=dict(fields["whole"]))
        if "refused" in fields:
            return Refusal(text=text, usage=usage, problem=str(fields["refused"]))
        return Completion(text=text, usage=usage)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def storable(value: object) -> str:
    """JSON that can be encoded: half a surrogate pair only as JSON's escape for it."""
    return canonical_json(value).encode("utf-8", "backslashreplace").decode()
