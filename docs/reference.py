"""The reference pages, written from the code they describe."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin

import pytest_lmopt
from pytest_lmopt import errors
from pytest_lmopt.plugin import command_line
from pytest_lmopt.strategies.protocol import Settings
from pytest_lmopt.strategies.registry import STRATEGIES, make


class Parser:
    """Stands in for pytest's parser and keeps what it is told."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []
        self.values: list[tuple[str, str]] = []

    def getgroup(self, *_: str) -> Parser:
        """The one group there is."""
        return self

    def addoption(self, name: str, **rest: Any) -> None:
        """Keep an option."""
        self.options.append((name, rest))

    def addini(self, name: str, help: str, **_: Any) -> None:
        """Keep an ini value."""
        self.values.append((name, help))


def options() -> str:
    """Options and ini values, as the plugin registers them."""
    parser: Any = Parser()
    command_line.add_options(parser)
    lines = ["# Options", "", "`pytest --help` prints the same.", ""]
    lines += ["| option | meaning |", "|---|---|"]
    for name, rest in parser.options:
        value = rest.get("metavar") or "|".join(rest.get("choices", ()))
        shown = f"[={value}]" if rest.get("nargs") == "?" else f"={value}" if value else ""
        lines.append(f"| `{name}{shown}` | {_cell(rest['help'])} |")
    lines += ["", "## Ini values", "", "| value | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(text)} |" for name, text in parser.values]
    return "\n".join([*lines, "", "## The mark", "", f"`{command_line.MARK}`"])


def strategies() -> str:
    """Describe each strategy in its own words, with its options."""
    pages = ["# Strategies", "`pytest --lm-optimize=NAME`. The README says which to take when."]
    settings = Settings(seed=0)
    for name in sorted(STRATEGIES):
        made = type(make(name, settings))
        module = import_module(made.__module__)
        pages += [f"## {name}", _text(module), _text(made)]
        defaults = [
            f"`{field} = {parameter.default!r}`"
            for field, parameter in inspect.signature(made).parameters.items()
            if parameter.default is not inspect.Parameter.empty and parameter.default is not None
        ]
        if defaults:
            pages.append("Options: " + ", ".join(defaults))
    return "\n\n".join(pages)


def python() -> str:
    """Describe the public names: their signatures and what they say of themselves."""
    pages = [
        "# Python",
        "Import from `pytest_lmopt` and from its modules `metrics`, `strategies`, `testing` and "
        "[`errors`](errors.md) only.",
    ]
    public = {name: getattr(pytest_lmopt, name) for name in pytest_lmopt.__all__}
    public |= {name: import_module(f"pytest_lmopt.{name}") for name in ("strategies", "testing")}
    for name, thing in public.items():
        pages += _described(name, thing, level=2)
        if inspect.ismodule(thing):
            for inner in thing.__all__:
                pages += _described(f"{name}.{inner}", getattr(thing, inner), level=3)
    return "\n\n".join(pages)


def error_tree() -> str:
    """The tree of errors, then each with what it says."""
    introduction, _, rest = inspect.cleandoc(errors.__doc__ or "").partition("::\n")
    tree, _, words = rest.partition("\nA message")
    pages = ["# Errors", introduction.strip(), f"```text\n{inspect.cleandoc(tree)}\n```"]
    pages.append(_prose("A message" + words))
    for name, thing in vars(errors).items():
        if inspect.isclass(thing) and issubclass(thing, errors.LmoptError):
            pages += [f"## {name}", _text(thing)]
    return "\n\n".join(pages)


PAGES = {
    "options.md": options,
    "strategies.md": strategies,
    "python.md": python,
    "errors.md": error_tree,
}


def write_all(into: Path) -> None:
    """Write every page to a folder."""
    into.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (into / name).write_text(page() + "\n", encoding="utf-8")


def _described(name: str, thing: Any, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} {name}"
    if get_origin(thing) is not None:  # the name of a type, which has no words of its own
        spelled = re.sub(r"(?:\w+\.)+", "", str(thing))
        yield f"`{spelled}`"
        return
    if inspect.isclass(thing) or inspect.isfunction(thing):
        yield f"```text\n{name}{inspect.signature(thing)}\n```"
    yield _text(thing if inspect.getdoc(thing) else type(thing))
    for method, function in vars(thing).items() if inspect.isclass(thing) else ():
        inner = function.__func__ if isinstance(function, classmethod) else function
        if not method.startswith("_") and inspect.isfunction(inner):
            yield f"`.{method}{inspect.signature(inner)}`: {_text(inner)}"


def _text(thing: Any) -> str:
    return _prose(inspect.getdoc(thing) or "")


def _prose(text: str) -> str:
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write_all(Path(__file__).parent / "reference")
