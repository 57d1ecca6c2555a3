"""A recorded answer as text, and back: what is read is sound, or it is not read."""

from __future__ import annotations

import json
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.lm.money.usage import recorded_usage
from pytest_lmopt.wire import Completion, Refusal, ToolCall, WholeCompletion


def dump_answer(completion: Completion) -> str:
    """The text that ``load_answer`` reads."""
    parts: dict[str, object] = {"text": completion.text, "usage": vars(completion.usage)}
    if completion.tool_calls:
        parts["tool_calls"] = completion.tool_calls
    if completion.finish:
        parts["finish"] = completion.finish
    if isinstance(completion, Refusal):
        parts["refused"] = completion.problem
    if isinstance(completion, WholeCompletion | Refusal) and completion.whole is not None:
        parts["whole"] = completion.whole
    return storable(parts)


def load_answer(answer: str | bytes) -> Completion | None:
    """The answer, marked as replayed; None where the text is damaged."""
    try:
        fields = json.loads(answer)
        text, usage = fields["text"], recorded_usage(fields["usage"]).as_replayed
        if not isinstance(text, str):
            return None
        whole = dict(fields["whole"]) if "whole" in fields else None
        if "refused" in fields:
            return Refusal(text=text, usage=usage, problem=str(fields["refused"]), whole=whole)
        more: dict[str, Any] = {
            "tool_calls": tuple(ToolCall(*map(str, each)) for each in fields.get("tool_calls", ())),
            "finish": str(fields.get("finish", "")),
        }
        if whole is not None:
            return WholeCompletion(text=text, usage=usage, whole=whole, **more)
        return Completion(text=text, usage=usage, **more)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def storable(value: object) -> str:
    """JSON that can be encoded: half a surrogate pair only as JSON's escape for it."""
    return canonical_json(value).encode("utf-8", "backslashreplace").decode()
