"""Rewriting a prompt file: the new state in, everything a person wrote around it kept."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.prompt_file import parse_prompt
from pytest_lmopt.suites.prompt_state import Demo, PromptState

FLOW_WIDTH = 90
"""Demos up to this many characters stand on one line."""

BYTE_ORDER_MARK = "\ufeff"


def rewrite_prompt(text: str, state: PromptState, *, path: Path) -> str:
    """``text`` of a prompt file with ``state``'s instruction, reasoning and demos.

    Only the lines of what changed are replaced. Comments are kept, except those between demos,
    which go with them; so are a byte order mark and the kind of line ends. A file that already
    says the same is returned as it is, byte by byte.
    """
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    plain = text.removeprefix(mark).replace("\r\n", "\n")
    current = parse_prompt(plain, path=path)
    if current == state:
        return text
    rewritten = _rewritten(plain, current, state, path)
    return mark + (rewritten.replace("\n", "\r\n") if "\r\n" in text else rewritten)


def _rewritten(text: str, current: PromptState, state: PromptState, path: Path) -> str:
    from ruamel.yaml.error import YAMLError

    changes: dict[str, Any] = {}
    if current.instruction != state.instruction:
        changes["instruction"] = _value(state.instruction, block=True)
    if current.reasoning != state.reasoning:
        changes["reasoning"] = state.reasoning
    if current.demos != state.demos:
        changes["demos"] = [_demo(demo) for demo in state.demos]
    rewritten = text
    try:
        for name, value in changes.items():
            rewritten = _with_field(rewritten, name, value)
        if parse_prompt(rewritten, path=path).digest == state.digest:
            return rewritten
    except (PromptError, YAMLError):
        pass  # a document in braces, say, or with anchors: its lines can't be exchanged
    document = _load(text)
    document.update(changes)
    return _dump(document)


def _with_field(text: str, name: str, value: Any) -> str:
    """``text`` with the lines of one field replaced, or added at its end."""
    document = _load(text)
    lines = text.splitlines(keepends=True)
    places = document.lc.data  # of the document's own fields, not of those merged from an anchor
    if name not in places:
        end = len(lines) - _leading(reversed(lines), r"\s*$|\.\.\.")
        before = "".join(lines[:end])
        gap = "" if before.endswith("\n") else "\n"
        return before + gap + _dump({name: value}) + "".join(lines[end:])
    start, column = places[name][:2]
    end = min((place[0] for place in places.values() if place[0] > start), default=len(lines))
    end -= _leading(reversed(lines[start + 1 : end]), rf"\s*$|\s{{0,{column}}}#|\.\.\.")
    heading: list[str] = []
    if isinstance(value, list) and value:
        count = _leading(lines[start + 1 : end], r"\s*#")
        heading = lines[start + 1 : start + 1 + count]
    first, *rest = _dump({name: value}).splitlines(keepends=True)
    first = first.removesuffix("\n") + _remark(document, name, lines[start]) + "\n"
    indent = " " * column
    new = [indent + first, *heading, *(indent + line if line.strip() else line for line in rest)]
    return "".join([*lines[:start], *new, *lines[end:]])


def _leading(lines: Iterable[str], pattern: str) -> int:
    """How many lines match before the first that does not."""
    count = 0
    for line in lines:
        if not re.match(pattern, line):
            break
        count += 1
    return count


def _remark(document: Any, name: str, line: str) -> str:
    """The comment that ends the field's first ``line``, with two spaces before it."""
    for part in document.ca.items.get(name) or ():
        token = part[0] if isinstance(part, list) else part
        comment = str(getattr(token, "value", token) or "").strip().split("\n")[0]
        if comment.startswith("#") and line.rstrip().endswith(comment):
            return f"  {comment}"
    return ""


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1 << 16
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _load(text: str) -> Any:
    return _yaml().load(text)


def _dump(document: Any) -> str:
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def _demo(demo: Demo) -> Any:
    from ruamel.yaml.comments import CommentedMap

    mapping = CommentedMap((name, _value(value)) for name, value in demo.items())
    texts = [str(value) for value in demo.values()]
    if sum(map(len, texts)) <= FLOW_WIDTH and not any("\n" in text for text in texts):
        mapping.fa.set_flow_style()
    return mapping


def _value(value: Any, *, block: bool = False) -> Any:
    """A value as YAML writes it; what YAML lacks becomes the text a template would show."""
    from ruamel.yaml.scalarstring import (
        DoubleQuotedScalarString,
        LiteralScalarString,
        SingleQuotedScalarString,
    )

    if isinstance(value, Mapping):
        return {_value(str(key)): _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or (type(value) in (bool, int, float) and finite):
        return value
    text = str(value)
    printable = all(char.isprintable() or char == "\n" for char in text)
    # a block scalar can't start with white space, and several newlines at its end are easily lost
    if printable and text[:1].strip() and not text.endswith("\n\n") and (block or "\n" in text):
        return LiteralScalarString(text)
    if not printable or "\n" in text:
        return DoubleQuotedScalarString(text)
    # ruamel.yaml leaves "?---" in braces without quotes, and can't read it then
    return text if text[:1].isalnum() else SingleQuotedScalarString(text)
