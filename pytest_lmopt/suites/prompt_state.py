"""The state of one prompt: everything a strategy may change, and nothing that runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

from pytest_lmopt.canonical import canonical_json, digest
from pytest_lmopt.errors import InputError, PromptError
from pytest_lmopt.suites.content import content_form
from pytest_lmopt.suites.params import check_params

Demo = Mapping[str, Any]
"""A worked example shown inside a prompt: its inputs and outputs by field name."""

REASONING = "reasoning"
"""What led to a demo's outputs, in prompts that ask for it."""

OutputFormat = Literal["text", "lines", "json"]

_MOST_BITS = 10_000
"""Of a whole number that JSON writes as decimal digits."""

_LONGEST_MODEL = 256
_ADDRESS = re.compile(r"//|\\|\?|#|%|(?:^|[/@])(?:https?|wss?|file|ftp):|(?:^|/)\.\.?(?:/|$)", re.I)
_MODEL = re.compile(r"[A-Za-z0-9][\w.\-:/@+ ]*\Z", re.ASCII)
_TAKEN = frozenset({"text", "usage", "fields"})


@dataclass(frozen=True, kw_only=True)
class PromptState:
    """Instruction, demos, template and fields of one LM step.

    ``template`` is a Jinja2 template of the user message over ``inputs``; None means the default:
    the value itself for one input, a line ``name: value`` each for several. With one output the
    answer is plain text; with several, ``format`` says how they are written. With ``reasoning`` the
    model is asked to think before it answers, and a demo may have a ``reasoning``, too.

    Raises ``PromptError`` where fields clash, a demo lacks one, ``params`` go too far, or a value
    has no content to be identified by.
    """

    instruction: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    format: OutputFormat = "text"
    template: str | None = None
    demos: tuple[Demo, ...] = ()
    model: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    reasoning: bool = False

    def __post_init__(self) -> None:
        _check_names(self.inputs, "inputs", least=1)
        _check_names(self.outputs, "outputs", least=1)
        both = sorted(set(self.inputs) & set(self.outputs))
        if both:
            raise PromptError(f"{both[0]!r} is an input and an output", field="outputs")
        if len(self.outputs) > 1 and self.format == "text":
            raise PromptError("several outputs need 'lines' or 'json'", field="format")
        # the text of a single output is the completion's text
        taken = sorted(_TAKEN & set(self.outputs)) if self.outputs != ("text",) else []
        if taken:
            raise PromptError(
                f"an output can't be called {taken[0]!r}: every completion has that attribute",
                field="outputs",
            )
        if self.format == "lines":
            _check_case(self.outputs)
        if len(self.outputs) == 1 and self.format != "text":
            raise PromptError(
                f"one output is plain text, so format {self.format!r} has no meaning",
                field="format",
            )
        if self.reasoning and REASONING in self.inputs + self.outputs:
            raise PromptError(
                "no input or output can be called 'reasoning' where the model is asked for its "
                "reasoning; rename it, or leave this out",
                field=REASONING,
            )
        _check_model(self.model)
        check_params(self.params)
        for number, demo in enumerate(self.demos, start=1):
            _check_demo(demo, number, self.inputs + self.outputs, reasoning=self.reasoning)
        _ = self.digest  # found now: the objects that demos hold may change later

    @cached_property
    def digest(self) -> str:
        """Identity of this state: equal states have equal digests on every machine."""
        demos = [
            _content(dict(demo), "demos", f"demo {number}")
            for number, demo in enumerate(self.demos, start=1)
        ]
        return digest(
            [
                self.instruction,
                self.inputs,
                self.outputs,
                self.format,
                self.template,
                demos,
                self.model,
                _content(dict(self.params), "params", "params"),
                # named only where it is on: digests of other prompts stand in old snapshots
                *([REASONING] if self.reasoning else []),
            ]
        )

    @property
    def random(self) -> bool:
        """Whether the same question may get another answer each time: not at temperature 0."""
        return self.params.get("temperature") != 0

    @property
    def size(self) -> int:
        """Characters of instruction and demos: what a shorter prompt has fewer of."""
        shown = sum(len(str(value)) for demo in self.demos for value in demo.values())
        return len(self.instruction) + shown

    def with_demos(self, demos: Sequence[Demo]) -> PromptState:
        """The same prompt showing other demos."""
        return replace(self, demos=tuple(demos))


def differences(old: PromptState, new: PromptState) -> dict[str, str]:
    """The parts of a prompt that differ, each in a few words."""
    parts = {}
    for name in (item.name for item in fields(PromptState)):
        before, now = getattr(old, name), getattr(new, name)
        if before == now:
            continue
        if name == "demos":
            parts[name] = f"{len(now)} in place of {len(before)} demos"
        elif isinstance(now, bool):
            parts[name] = f"{'' if now else 'no '}{name}"
        else:
            parts[name] = f"another {name}"
    return parts


def difference(old: PromptState, new: PromptState) -> str:
    """Which parts of a prompt differ, in a few words."""
    return " and ".join(differences(old, new).values())


def _content(value: object, field_name: str, part: str) -> object:
    try:
        return _plain(value, part)
    except (InputError, TypeError) as error:
        raise PromptError(str(error), field=field_name) from None


def _plain(value: object, part: str) -> object:
    """A value as JSON has it, with the content of whatever JSON lacks."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return {"content": hex(value)}
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each, f"{part}[{at}]") for at, each in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(each, f"{part}.{key}") for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return {"set": sorted(canonical_json(_plain(each, part)) for each in value)}
    return {"content": content_form(value, at=part)}


def _check_names(names: tuple[str, ...], field_name: str, *, least: int) -> None:
    if len(names) < least:
        raise PromptError("at least one field name is needed", field=field_name)
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise PromptError(
                f"{name!r} is no field name: letters of any script, digits and _, not starting "
                "with a digit",
                field=field_name,
            )
    if len(set(names)) < len(names):
        raise PromptError(f"a name appears twice in {list(names)!r}", field=field_name)


def _check_case(outputs: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for name in outputs:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise PromptError(
                f"{other!r} and {name!r} can't be told apart: lines are read in any case",
                field="outputs",
            )


def _check_model(model: str | None) -> None:
    """Raise ``PromptError`` for a model string that holds an address.

    Several providers of litellm take the server's URL from there, and send it the key. The model of
    an option, a mark or the environment is the user's own, and is not checked.
    """
    if not model or model.startswith("local:"):
        return  # a path of a file
    if len(model) > _LONGEST_MODEL:
        raise PromptError(f"expected at most {_LONGEST_MODEL} characters", field="model")
    if _ADDRESS.search(model):
        raise PromptError(
            f"expected a model without an address, found {model!r}; it would send prompts and the "
            "key somewhere else. Set the provider's environment variable instead, such as "
            "OPENAI_BASE_URL",
            field="model",
        )
    if not _MODEL.match(model):
        raise PromptError(
            f"expected a model such as openai/gpt-4o-mini, found {model!r}", field="model"
        )


def _check_demo(demo: Demo, number: int, fields: tuple[str, ...], *, reasoning: bool) -> None:
    missing = [name for name in fields if name not in demo]
    known = (*fields, REASONING) if reasoning else fields
    extra = [name for name in demo if name not in known]
    if missing or extra:
        problem = f"lacks {missing[0]!r}" if missing else f"has {extra[0]!r}, which is no field"
        raise PromptError(f"demo {number} {problem}; the fields are {list(fields)}", field="demos")
