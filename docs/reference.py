"""The reference pages, and the README's table of options, written from the code they describe.

``python docs/reference.py`` writes that table into the README.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin

import pytest_lmopt
from pytest_lmopt import errors
from pytest_lmopt.plugin import command_line, hookspecs
from pytest_lmopt.plugin.option_table import OPTIONS, Option
from pytest_lmopt.strategies.protocol import Settings
from pytest_lmopt.strategies.registry import STRATEGIES, make

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- python docs/reference.py writes this table -->"
END = "<!-- end -->"


def options() -> str:
    """Options and ini values, from the table that the plugin reads them by."""
    lists = ", ".join(f"`{each.name}`" for each in OPTIONS if each.ini in ("args", "linelist"))
    pages = [
        "# Options",
        "`pytest --help` prints the same. An ini value takes the text that its option takes. In "
        "pytest's own TOML table (`[tool.pytest]`, `pytest.toml`) it may also be a number, `true` "
        f"or `false`; {lists} may be lists. Its files and folders are relative to the root folder.",
        _table({each: _marked_up(each) for each in OPTIONS}),
        "## The mark",
        f"`{command_line.MARK}`",
    ]
    return "\n\n".join(pages)


def readme_options() -> str:
    """The README's table of options."""
    table = {each: _cell(each.readme) or _marked_up(each) for each in OPTIONS}
    return _table(table, bar=r"\|")


def renewed(readme: str) -> str:
    """Put the table of options between its marks in the README's text."""
    begin, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return f"{readme[:begin]}\n{readme_options()}\n{readme[end:]}"


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
    pages += ["## Hooks", "For a `conftest.py` or a plugin."]
    for name, hook in vars(hookspecs).items():
        if inspect.isfunction(hook):
            pages += _described(name, hook, level=3)
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


def _table(meanings: Mapping[Option, str], *, bar: str = "|") -> str:
    """Lay out options; ``bar`` is the spelling of ``|`` in code, which GitHub wants escaped."""
    lines = ["| option | ini | default | meaning |", "|---|---|---|---|"]
    for each, meaning in meanings.items():
        typed = ", ".join(f"`{name}`" for name in (each.usage, *each.off_flags))
        typed = typed.replace("|", bar)
        ini = f" `{each.name}`" if each.ini else ""
        default = each.shown_default if each.switch else f"`{each.default}`"
        lines.append(f"| {typed} |{ini} | {default} | {meaning} |")
    return "\n".join(lines)


def _marked_up(option: Option) -> str:
    """Set the names and values in an option's help as code."""
    words = "".join(rf"|\b{word}(?=:)" for word in option.choices)
    named = rf"--lm-[a-z-]+(?:=\w+)?|\b(?:lm|LMOPT)_\w+|\w+:\w+[.,][\w:.,]*\w|(?<= )'[^']+'{words}"
    return _cell(re.sub(named, lambda found: f"`{found[0].strip(chr(39))}`", option.help))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
