"""What the double answers: a function of the request alone, whatever the protocol."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

EXAMPLE = re.compile(r"\b(?:row|fail|doc)-\d+\b")
"""How a prompt names the example it belongs to."""


class BadRequestError(Exception):
    """A request that the provider refuses, with the status and the code it gives."""

    def __init__(self, message: str, *, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool that the request offers, with the schema of its arguments."""

    name: str
    schema: Json


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request without its protocol.

    ``results`` says whether the last message holds tool results, ``forced`` whether a tool must be
    called (by name where it is text), ``schema`` is that of the text, where it must be JSON.
    """

    texts: tuple[str, ...]
    tools: tuple[Tool, ...] = ()
    forced: bool | str = False
    results: bool = False
    schema: Json | None = None

    @property
    def example(self) -> str:
        """The example that the texts name first; empty where they name none."""
        found = (EXAMPLE.search(text) for text in self.texts)
        return next((match.group() for match in found if match), "")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A tool call; ``arguments`` is JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """The answer without its protocol; tokens are words."""

    id: str
    text: str
    calls: tuple[Call, ...]
    input_tokens: int
    output_tokens: int

    def pieces(self) -> Iterator[str]:
        """The text in the pieces that a stream sends."""
        yield from re.findall(r"\S+\s*", self.text)


def answer(asked: Asked) -> Said:
    """Say whether the example's number is odd, in the form that the request asks for."""
    example = asked.example
    mark = hashlib.sha256(repr((asked.texts, asked.tools)).encode()).hexdigest()[:12]
    words = sum(len(text.split()) for text in asked.texts) + 3 * len(asked.tools)
    calls: tuple[Call, ...] = ()
    text = ""
    if asked.tools and (asked.forced or not asked.results):
        tool = next((tool for tool in asked.tools if tool.name == asked.forced), asked.tools[0])
        arguments = json.dumps(_value(tool.schema, tool.schema, example))
        times = 2 if any("both" in text.split() for text in asked.texts) else 1
        calls = tuple(
            Call(id=f"{mark}{number}", name=tool.name, arguments=arguments)
            for number in range(times)
        )
    elif asked.schema is not None:
        text = json.dumps(_value(asked.schema, asked.schema, example))
    elif fields := re.findall(r"`\[\[ ## (\w+) ## \]\]`", asked.texts[-1]):
        told = (f"[[ ## {name} ## ]]\n{_sentence(example, words)}" for name in fields[:-1])
        text = "\n\n".join((*told, f"[[ ## {fields[-1]} ## ]]"))
    else:
        text = _sentence(example, words)
    return Said(
        id=mark,
        text=text,
        calls=calls,
        input_tokens=words,
        output_tokens=len(text.split()) + sum(1 + len(call.arguments.split()) for call in calls),
    )


def is_odd(example: str) -> bool:
    """Whether the example's number is odd."""
    return int(example.rpartition("-")[2] or 0) % 2 == 1


def _sentence(example: str, words: int) -> str:
    return f"{example} is {'odd' if is_odd(example) else 'even'}, after {words} words"


def _value(schema: Json, root: Json, example: str) -> Any:
    """A value by its schema: names are the example, numbers the example's number."""
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return _value(found, root, example)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _value(schema[choice][0], root, example)
    if "enum" in schema or "const" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _value(part, root, example) for name, part in properties.items()}
    if kind == "array":
        return [_value(schema.get("items", {}), root, example)]
    number = int(example.rpartition("-")[2] or 0)
    return {"integer": number, "number": number, "boolean": is_odd(example)}.get(str(kind), example)


def expect(condition: object, problem: str) -> None:
    """Refuse the request unless the condition holds."""
    if not condition:
        raise BadRequestError(problem)


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def known(body: Json, fields: frozenset[str]) -> None:
    """Refuse a request with fields that the provider doesn't know."""
    unknown = sorted(body.keys() - fields)
    expect(not unknown, f"Unrecognized request argument supplied: {', '.join(unknown)}")
