"""How several output fields are asked for, written in demos and read from an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pytest_lmopt.errors import AnswerError
from pytest_lmopt.suites.prompt_state import REASONING, PromptState
from pytest_lmopt.suites.reasoning import DIRECTIVE, show_reasoning, split_reasoning


def format_directive(state: PromptState) -> str:
    """What the system message adds so that the answer has all parts; empty for a plain text."""
    form = ""
    if state.format == "lines":
        lines = "\n".join(f"{name}: ..." for name in state.outputs)
        form = f"Answer with one line for each field, in this form:\n{lines}"
    if state.format == "json":
        form = f"Answer with one JSON object with the keys {', '.join(state.outputs)}."
    return "\n\n".join(part for part in (form, DIRECTIVE if state.reasoning else "") if part)


def format_answer(state: PromptState, values: Mapping[str, Any]) -> str:
    """What a demo's message shows of ``values``: its outputs, after its reasoning if need be."""
    answer = format_outputs(state, values)
    if not state.reasoning:
        return answer
    reasoning = str(values.get(REASONING) or "")
    return show_reasoning(reasoning, answer, below=state.format != "text")


def format_outputs(state: PromptState, values: Mapping[str, Any]) -> str:
    """The answer itself, for ``values``."""
    if state.format == "json":
        return json.dumps({name: values[name] for name in state.outputs}, ensure_ascii=False)
    if state.format == "lines":
        return "\n".join(f"{name}: {values[name]}" for name in state.outputs)
    return str(values[state.outputs[0]])


def parse_answer(state: PromptState, text: str) -> tuple[str, str, dict[str, Any]]:
    """Reasoning, answer and the answer's output fields of a model's text.

    Raises ``AnswerError`` where a field is missing.
    """
    reasoning, answer = split_reasoning(text, state.params) if state.reasoning else ("", text)
    return reasoning, answer, parse_outputs(state, answer)


def parse_outputs(state: PromptState, text: str) -> dict[str, Any]:
    """Output fields of an answer, by name.

    One output is the text unchanged. Lines may come in any order, with any case and with values
    that run on; a JSON object may stand inside other text. Raises ``AnswerError`` where a field
    is missing.
    """
    if state.format == "text":
        return {state.outputs[0]: text}
    found = (
        _json_fields(state.outputs, text)
        if state.format == "json"
        else _line_fields(state.outputs, text)
    )
    missing = [name for name in state.outputs if name not in found]
    if missing:
        raise AnswerError(f"the answer has no field {missing[0]!r}", text=text)
    return {name: found[name] for name in state.outputs}


def _line_fields(outputs: tuple[str, ...], text: str) -> dict[str, Any]:
    longest = sorted(outputs, key=len, reverse=True)
    pattern = "|".join(f"({re.escape(name)})" for name in longest)
    # **team:** and **team**: are both common; a field's own underscores are not decoration
    head = re.compile(
        rf"^[\s*_`-]*?(?:{pattern})[\s*_`]*:[*_`]*[ \t]*", re.IGNORECASE | re.MULTILINE
    )
    matches = list(head.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text)]
    found: dict[str, Any] = {}
    for match, end in zip(matches, ends, strict=False):  # without a match, one end is left over
        name = longest[(match.lastindex or 1) - 1]
        found.setdefault(name, text[match.end() : end].strip())
    return found


def _json_fields(outputs: tuple[str, ...], text: str) -> dict[str, Any]:
    """The first object with all outputs, else the first one."""
    decoder = json.JSONDecoder()
    first: dict[str, Any] | None = None
    for match in re.finditer(r"\{", text):
        try:
            value, _ = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if all(name in value for name in outputs):
            return dict(value)
        first = value if first is None else first
    if first is None:
        raise AnswerError("the answer holds no JSON object", text=text)
    return first
