"""Rewriting a prompt file: the new state in, everything a person wrote around it kept."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_lmopt.suites.prompt_file import parse_prompt
from pytest_lmopt.suites.prompt_state import Demo, PromptState

FLOW_WIDTH = 90
"""Demos up to this many characters stand on one line."""


def rewrite_prompt(text: str, state: PromptState, *, path: Path) -> str:
    """``text`` of a prompt file with ``state``'s instruction and demos; comments are kept.

    A file that already says the same is returned as it is, byte by byte.
    """
    from ruamel.yaml import YAML

    current = parse_prompt(text, path=path)
    if current == state:
        return text
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1 << 16
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    if current.instruction != state.instruction:
        document["instruction"] = _scalar(state.instruction, block=True)
    if current.demos != state.demos:
        document["demos"] = [_demo(demo) for demo in state.demos]
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _demo(demo: Demo) -> Any:
    from ruamel.yaml.comments import CommentedMap

    mapping = CommentedMap((name, _scalar(value)) for name, value in demo.items())
    texts = [str(value) for value in demo.values()]
    if sum(map(len, texts)) <= FLOW_WIDTH and not any("\n" in text for text in texts):
        mapping.fa.set_flow_style()
    return mapping


def _scalar(value: Any, *, block: bool = False) -> Any:
    from ruamel.yaml.scalarstring import LiteralScalarString

    if isinstance(value, Mapping):
        return {key: _scalar(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    # a block scalar can't hold control characters or a first line that starts with white space
    fits = all(char.isprintable() or char == "\n" for char in value) and value[:1].strip()
    return LiteralScalarString(value) if fits and (block or "\n" in value) else value
