"""Prompt files: YAML in, prompt state out, every mistake with its file, field and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pytest_lmopt.canonical import canonical_json
from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.reading import MOST_PROMPT_BYTES, read_text
from pytest_lmopt.suites.render import check_template
from pytest_lmopt.suites.yaml_text import YamlError, load_yaml

_KEYS = frozenset(
    {
        "instruction", "inputs", "output", "outputs", "format", "template", "demos", "model",
        "params", "reasoning",
    }
)  # fmt: skip


def load_prompt_file(path: Path) -> PromptState:
    """Read and validate a prompt file; raises ``PromptError``."""
    try:
        text = read_text(path, most_bytes=MOST_PROMPT_BYTES)
    except FileNotFoundError:
        raise PromptError("no such prompt file", path=path) from None
    except (OSError, ValueError) as error:
        raise PromptError(f"can't be read: {error}", path=path) from None
    return parse_prompt(text, path=path)


def parse_prompt(text: str, *, path: Path) -> PromptState:
    """Prompt state of a prompt file's ``text``; ``path`` only names it in errors."""
    document = _parse_yaml(text, path)
    try:
        return _state(document, path)
    except PromptError as error:
        if error.path is not None:
            raise
        field = "output" if error.field == "outputs" and "output" in document else error.field
        line = _line_of_place(document, field or "")
        if line is not None and _is_literal(document.get(field)):
            line += error.line or 0  # a literal block begins on the line below its key
        raise PromptError(error.problem, path=path, field=field, line=line) from None


def _line_of(document: Any, key: object) -> int | None:
    """Line of a field, 1-based; None where it is absent or merged in from an anchor."""
    try:
        return int(document.lc.key(key)[0]) + 1
    except (KeyError, TypeError):
        return None


def _line_of_place(document: Any, place: str) -> int | None:
    """Line of a place such as ``params.tools[0].name``: of the innermost key that has one."""
    line = None
    for name in re.findall(r"[^.\[\]]+", place):
        if isinstance(document, list):
            if not name.isdigit() or int(name) >= len(document):
                break
            document = document[int(name)]
            continue
        found = _line_of(document, name)
        if found is None:
            break
        line, document = found, document[name]
    return line


def _is_literal(value: object) -> bool:
    from ruamel.yaml.scalarstring import LiteralScalarString

    return isinstance(value, LiteralScalarString)


def _parse_yaml(text: str, path: Path) -> Any:
    try:
        document = load_yaml(text, kind="rt")
    except YamlError as error:
        raise PromptError(f"malformed YAML: {error}", path=path, line=error.line) from None
    if not isinstance(document, Mapping):
        raise PromptError(
            f"a prompt file is a mapping with 'instruction', 'inputs' and 'output'; "
            f"found {type(document).__name__}",
            path=path,
        )
    return document


def _state(document: Any, path: Path) -> PromptState:
    for key in document:
        if key not in _KEYS:
            known = ", ".join(sorted(_KEYS))
            raise PromptError(
                f"unknown field; a prompt file has {known}", field=str(key), path=path,
                line=_line_of(document, key),
            )  # fmt: skip
    for key in ("instruction", "inputs"):
        if key not in document:
            raise PromptError(f"the field '{key}' is missing", path=path)
    if ("output" in document) == ("outputs" in document):
        raise PromptError("give either 'output' (a name) or 'outputs' (a list)", path=path)
    outputs = (_text(document, "output"),) if "output" in document else _names(document, "outputs")
    default_format = "text" if len(outputs) == 1 else "lines"
    output_format: Any = document.get("format", default_format)
    if output_format not in ("text", "lines", "json"):
        raise PromptError(f"'lines' or 'json' expected, found {output_format!r}", field="format")
    inputs = _names(document, "inputs")
    template = _text(document, "template") if "template" in document else None
    state = PromptState(
        instruction=_text(document, "instruction"),
        inputs=inputs,
        outputs=outputs,
        format=output_format,
        template=template,
        demos=_demos(document),
        model=_text(document, "model") if "model" in document else None,
        params=_params(document),
        reasoning=_switch(document, "reasoning"),
    )
    if template is not None:
        check_template(template, inputs)
    return state


def _text(document: Any, key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise PromptError(f"text expected, found {value!r}", field=key)
    return str(value)


def _switch(document: Any, key: str) -> bool:
    value = plain(document.get(key, False))
    if not isinstance(value, bool):
        raise PromptError(f"true or false expected, found {value!r}", field=key)
    return value


def _names(document: Any, key: str) -> tuple[str, ...]:
    value = document[key]
    if not isinstance(value, list):
        advice = f"; write {key}: [{value}]" if isinstance(value, str) else ""
        raise PromptError(f"a list of names expected, found {value!r}{advice}", field=key)
    return tuple(plain(value))


def _given(document: Any, key: str, default: object) -> Any:
    """A field's value; the default where it is absent or empty."""
    value = document.get(key)
    return default if value is None else value


def _demos(document: Any) -> tuple[dict[str, Any], ...]:
    demos = _given(document, "demos", [])
    if not isinstance(demos, list) or not all(isinstance(demo, Mapping) for demo in demos):
        raise PromptError("a list of mappings expected, one per demo", field="demos")
    return tuple(_plain(demos, "demos"))


def _params(document: Any) -> dict[str, Any]:
    params = _given(document, "params", {})
    if not isinstance(params, Mapping):
        raise PromptError(f"a mapping expected, found {params!r}", field="params")
    return dict(_plain(params, "params"))


def _plain(value: Any, field: str) -> Any:
    """As ``plain``; no model can be told of a number without end."""
    try:
        value = plain(value)
        canonical_json(value, allow_nan=False)
    except PromptError as error:
        raise PromptError(error.problem, field=field) from None
    except ValueError:
        raise PromptError("a number is not finite (.inf or .nan)", field=field) from None
    return value


def plain(value: Any) -> Any:
    """Round-trip YAML values as the builtins they stand for; an unquoted date is its text."""
    from ruamel.yaml.scalarbool import ScalarBoolean

    if isinstance(value, ScalarBoolean):
        return bool(value)
    if isinstance(value, Mapping):
        found = {str(key): plain(item) for key, item in value.items()}
        if len(found) < len(value):
            raise PromptError("expected each name once, found two names with the same text")
        return found
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
