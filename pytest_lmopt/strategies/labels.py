"""Labels: which prompt gives the pipeline's answer, and an expected answer as its outputs.

Expected answers and what the pipeline returns may be typed: they are matched by their fields. A
label is spelt as the model's own answers are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.scored_run import ScoredRun
from pytest_lmopt.runs.run import Ending
from pytest_lmopt.suites.matching import NOTHINGS, ONLY, json_in, named, spelling
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.typed_values import (
    DEPTH,
    fields_of,
    items_of,
    only_item,
    own_fields,
    plain,
)

MOST_NAMES = 3
"""Types of returned values named in a reason."""


@dataclass(frozen=True, kw_only=True)
class Answering:
    """The prompt that gives the answer: its key, in which form, and what its outputs were like."""

    key: str
    form: str
    seen: Mapping[str, Sequence[Any]]


class _Unknown:
    """A value of which it is not known how the model would spell it."""


def answering(runs: Iterable[ScoredRun], keys: Container[str]) -> Answering | None:
    """Which of these prompts gave the answer that most runs returned; None if none did.

    Where every run raised, an only prompt is taken to be the one whose answer could not be used.
    """
    given = list(runs)
    returned = [run for run in given if run.ending is Ending.RETURNED]
    if not returned:
        return _only(given, keys)
    found = [(call, form) for run in returned for call, form in [answer(run, keys)] if call]
    for (key, form), _ in Counter((call.prompt, form) for call, form in found).most_common(1):
        calls = [call for call, _ in found if call.prompt == key]
        if 2 * len(calls) > len(returned):
            return Answering(key=key, form=form, seen=_seen(calls))
    return None


def answer(run: ScoredRun, keys: Container[str]) -> tuple[Call | None, str]:
    """The last call of these prompts whose outputs say what the run returned, and their form."""
    for place, form in reversed(run.answered):
        if run.trace[place].prompt in keys:
            return run.trace[place], form
    return None, ""


def answering_call(run: ScoredRun, key: str) -> Call | None:
    """The call of that prompt that gave a run's answer, or should have where the run raised."""
    call, _ = answer(run, {key})
    if call is None and run.ending is Ending.WRONG:
        return next((call for call in reversed(run.trace) if call.prompt == key), None)
    return call


def unmatched(runs: Iterable[ScoredRun]) -> str:
    """Why no prompt is known to give the pipeline's answer."""
    kinds = Counter(run.kind for run in runs if run.ending is Ending.RETURNED)
    names = ", ".join(kind for kind, _ in kinds.most_common(MOST_NAMES))
    if not kinds:
        return "every run raised, and more than one prompt may be the reason; use reflect"
    return (
        f"no prompt's outputs could be matched to what the pipeline returns ({names}); return a "
        "dict with the outputs' names, or use reflect"
    )


def label(state: PromptState, expected: Any, found: Answering) -> dict[str, Any]:
    """The expected answer as outputs of a prompt; empty where it does not say what they are."""
    value = expected
    for _ in range(DEPTH):
        if made := _label(state, value, found):
            return made
        if found.form.startswith(ONLY) or items_of(value) is not None:
            inner = only_item(value)
            if inner:
                value = inner[0]
                continue
        break
    return {}


def _label(state: PromptState, value: Any, found: Answering) -> dict[str, Any]:
    names, form = state.outputs, found.form.removeprefix(ONLY)
    if value is None:
        return {}
    read = json_in(value, whole=True) if isinstance(value, str) else None
    items = items_of(value if read is None else read)
    fields = fields_of(value if read is None else read)
    values: dict[str, Any] = {}
    if fields is not None:
        for name in names:
            for item in named(value if read is None else read, name):
                values.setdefault(name, item)
    if len(values) < len(names):
        values = {}
        if form == "order" and items is not None and len(items) == len(names):
            values = dict(zip(names, items, strict=True))
        elif len(names) == 1:
            (name,) = names
            if form == "json":
                return _as_json(name, value, found.seen.get(name, ()))
            if fields is None and items is None:
                values = {name: value}
    labels = {name: _spelt(item, found.seen.get(name, ()), state) for name, item in values.items()}
    return {} if any(isinstance(item, _Unknown) for item in labels.values()) else labels


def _as_json(name: str, value: Any, seen: Sequence[Any]) -> dict[str, Any]:
    """A value as the text of the only output, which is read as JSON, or as a list."""
    shapes = [read for read in (json_in(str(text)) for text in seen) if read is not None]
    fields, items = fields_of(value), items_of(value)
    if items is not None:
        return {name: _listed(items, seen, bool(shapes))}
    if fields is None:
        keys = [list(shape) for shape in shapes if isinstance(shape, Mapping) and len(shape) == 1]
        if isinstance(value, str) and json_in(value, whole=True) is not None:
            return {name: value}
        if not keys:
            return {name: plain(value)}
        return {name: json.dumps({keys[0][0]: plain(value)}, ensure_ascii=False)}
    for shape in shapes:
        if isinstance(shape, Mapping):
            held = {key: list(named(value, key, most=1))[:1] for key in shape}
            if held and all(held.values()):
                shown = {key: plain(item) for key, (item,) in held.items()}
                return {name: json.dumps(shown, ensure_ascii=False)}
    return {name: json.dumps(plain(own_fields(value)), ensure_ascii=False)}


def _spelt(value: Any, seen: Sequence[Any], state: PromptState) -> Any:
    """A value as the model spells such values, where ``seen`` are some that it gave."""
    texts = [each.strip() for each in seen if isinstance(each, str)]
    typed = state.format == "json"
    if isinstance(value, Enum):
        return _member(value, texts, seen, state)
    if value is None or isinstance(value, bool):
        return _constant(value, texts, typed=typed)
    items = items_of(value)
    if items is not None and not (typed and not texts):
        return _listed(items, texts, any(json_in(text, whole=True) is not None for text in texts))
    if fields_of(value) is not None and not typed:
        return json.dumps(plain(value), ensure_ascii=False)
    return plain(value)


def _constant(value: bool | None, texts: Sequence[str], *, typed: bool) -> Any:
    if value is None:
        blank = next((text for text in texts if text.casefold() in NOTHINGS), "")
        return None if typed and not blank else blank
    pairs = [pair for pair in map(spelling, texts) if pair is not None]
    if pairs:
        return pairs[0][not value]
    return value if typed else _Unknown()


def _member(member: Enum, texts: Sequence[str], seen: Sequence[Any], state: PromptState) -> Any:
    members = list(type(member))
    values = {str(each.value).casefold() for each in members}
    names = {each.name.casefold() for each in members}
    by_name = [text for text in texts if text.casefold() in names - values]
    if not by_name:
        return _spelt(member.value, seen, state)
    exact = {each.name for each in members}
    lower = all(text == text.casefold() for text in by_name) and not exact.issuperset(by_name)
    return member.name.lower() if lower else member.name


def _listed(items: Sequence[Any], seen: Sequence[Any], as_json: bool) -> str:
    """A list as text: as JSON, or with what the model puts between items."""
    flat = [plain(item) for item in items]
    if as_json or any(isinstance(item, dict | list) for item in flat):
        return json.dumps(flat, ensure_ascii=False)
    texts = [str(text).strip() for text in seen]
    between = next((sign for sign in ("\n", ";") if any(sign in text for text in texts)), ",")
    return (between if between == "\n" else f"{between} ").join(map(str, flat))


def _only(runs: Sequence[ScoredRun], keys: Container[str]) -> Answering | None:
    calls = [call for run in runs for call in run.trace if call.prompt in keys]
    prompts = {call.prompt for call in calls}
    if len(prompts) != 1:
        return None
    return Answering(key=prompts.pop(), form="json", seen=_seen(calls))


def _seen(calls: Iterable[Call]) -> Mapping[str, Sequence[Any]]:
    seen: dict[str, list[Any]] = {}
    for call in calls:
        for name, value in call.outputs.items():
            seen.setdefault(name, []).append(value)
    return seen
