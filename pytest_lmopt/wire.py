"""The values that travel between a pipeline and its models, and their constants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from pytest_lmopt.canonical import digest

SCHEMA = 1
"""Version of what a request's key is computed from."""

PACKAGED = "local"
"""The model string of the packaged model."""

OFFERED = "pytest_lmopt_lm"
"""The hook by which users offer an LM; it begins the model string where nothing names a model."""

THIS_MACHINE = "localhost"
"""The provider of models behind servers on this machine."""

OCCURRENCE = "occurrence"
"""The param that numbers equal calls of clients in one run; a provider is not sent it."""

TOOLS = "tools"
"""The role of the first message of a client's call, which lists the tools that it offers."""

DEFAULT_MAX_TOKENS = 1024
"""Sent where a prompt sets no ``max_tokens``, so that every call has an upper price."""


class Message(NamedTuple):
    """One chat message; ``role`` is system, user or assistant."""

    role: str
    content: str


class ToolCall(NamedTuple):
    """A call of a tool that a model asks for; ``arguments`` are JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most tokens of a request's input and output; None for what only the model limits.

    ``answers`` is how many outputs are asked for. ``unpriced`` names parts with a price of their
    own, such as server tools; a dollar limit refuses these.
    """

    input: int | None
    output: int | None
    answers: int = 1
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a model: any litellm model string, chat messages, parameters.

    ``repeat`` numbers independent answers to the same question. Of a call that a client of the
    pipeline makes, ``messages`` are a rendering as text, ``params`` hold all that the answer
    depends on, ``limits`` bounds its tokens, and ``ask`` has the client send it. Its answer is not
    recorded unless ``recordable``. ``client`` is the client's own name, ``dialect`` its protocol.
    """

    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 0
    limits: Limits | None = field(default=None, repr=False, compare=False)
    ask: Callable[[], Awaitable[Completion]] | None = field(default=None, repr=False, compare=False)
    recordable: bool = field(default=True, repr=False, compare=False)
    client: str = field(default="", repr=False, compare=False)
    dialect: str = field(default="", repr=False, compare=False)

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of everything the answer depends on."""
        parts = [SCHEMA, self.model, self.messages, dict(self.params), self.repeat]
        return digest(parts, length=64)

    @cached_property
    def input_bound(self) -> int:
        """Upper bound of the input tokens: no token is shorter than a byte."""
        return sum(len(text.encode()) + 16 for _, text in self.messages)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Cost of one or more calls. ``micro_usd`` are millionths of a dollar, None if unpriced.

    ``replayed`` counts the answers among ``calls`` that came from the recordings, and
    ``saved_micro_usd`` is their part of the price, which was not paid again. ``cached_tokens`` are
    the part of the input that a provider read from its cache, ``reasoning_tokens`` the part of the
    output that it does not show. ``milliseconds`` is how long the model took when it was asked,
    replayed answers included.
    """

    calls: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    micro_usd: int | None = 0
    saved_micro_usd: int = 0
    milliseconds: int = field(default=0, compare=False)

    @property
    def as_replayed(self) -> Usage:
        """The usage of the same calls answered from the recordings."""
        return replace(self, replayed=self.calls, saved_micro_usd=self.micro_usd or 0)

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        priced = self.micro_usd is not None and other.micro_usd is not None
        return Usage(
            calls=self.calls + other.calls,
            replayed=self.replayed + other.replayed,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            micro_usd=(self.micro_usd or 0) + (other.micro_usd or 0) if priced else None,
            saved_micro_usd=self.saved_micro_usd + other.saved_micro_usd,
            milliseconds=self.milliseconds + other.milliseconds,
        )


class Remark(NamedTuple):
    """Why a call was not charged as was to be expected: what was ``found``, in words.

    It was not believed, so the ``reserved`` tokens were charged; or it was above these.
    """

    kind: Literal["not believed", "above"]
    found: str
    reserved: int


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A model's answer: ``text`` as it came, ``usage`` what it cost, ``fields`` the outputs.

    Each declared output is an attribute too: ``completion.team``. A prompt that asks for reasoning
    has it in ``reasoning``, and only the answer in ``text``. ``tool_calls`` are the tools that the
    model asks for, ``finish`` is its provider's reason for the end. ``usage_remark`` is what there
    was to say on the usage that the provider reported.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    usage: Usage = field(default_factory=lambda: Usage(calls=1))
    fields: Mapping[str, Any] = field(default_factory=dict)
    reasoning: Any = ""
    usage_remark: Remark | None = field(default=None, repr=False, compare=False)

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(f"the completion has no output {name!r}; it has {list(fields)}")


@dataclass(frozen=True, kw_only=True)
class WholeCompletion(Completion):
    """The answer to a call of a client's: ``whole`` is all of it, as plain JSON."""

    whole: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Refusal(Completion):
    """What is recorded in place of an answer where a provider refused; ``problem`` is why.

    ``whole`` is all of its answer to a call of a client's, as plain JSON.
    """

    problem: str
    whole: Mapping[str, Any] | None = None


def is_on_this_machine(model: str) -> bool:
    """Whether a model string names a model behind a server on this machine."""
    return model.startswith(f"{THIS_MACHINE}/")


def is_local(model: str) -> bool:
    """Whether a model string names the packaged model, or a file of the user's."""
    return model == PACKAGED or model.startswith("local:")
