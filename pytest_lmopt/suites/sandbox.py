"""Jinja2 for templates that somebody else may have written: sandboxed, and bounded.

Bounds are generous for a prompt and mean for an attack: loops and calls are counted, texts and
lists have a size limit wherever a template can make them grow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, Template, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_STEPS = 100_000
"""Rounds of loops and calls in one rendering."""

MOST_CHARACTERS = 4 << 20
"""Of the rendered text, and of anything on the way to it."""

MOST_WIDTH = 10_000
"""What may be padded or split to; the largest exponent."""

_GROWING_FILTERS = (
    "batch", "center", "format", "indent", "join", "replace", "slice", "sum", "wordwrap",
)  # fmt: skip
_WIDE = re.compile(r"[0-9]{5,}|%[^%a-zA-Z]*\*|\{[^{}]*\{")

_steps: ContextVar[Iterator[int]] = ContextVar("lmopt_template_steps")


class Sandbox(ImmutableSandboxedEnvironment):
    """Renders with ``bounded``; raises ``SecurityError`` inside a template that goes too far."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False)
        del self.globals["lipsum"]  # texts of any length
        for name in _GROWING_FILTERS:
            self.filters[name] = _careful(name, self.filters[name])
        self.filters["_counted"] = _counted
        self.filters["_sized"] = _sized_in_context

    def bounded(self, template: Template, values: dict[str, Any]) -> str:
        """The rendered text, or an error once it is too long or takes too many steps."""
        token = _steps.set(iter(range(MOST_STEPS)))
        try:
            parts, length = [], 0
            for part in template.generate(values):
                length += len(part)
                parts.append(part)
                if length > MOST_CHARACTERS:
                    raise SecurityError(f"it makes a text over {MOST_CHARACTERS:,} characters long")
            return "".join(parts)
        finally:
            _steps.reset(token)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = _filtered(loop.iter, "_counted")
        for block in tree.find_all(nodes.AssignBlock):
            block.filter = _filtered(block.filter, "_sized")
        for joined in list(tree.find_all(nodes.Concat)):
            joined.nodes = [_filtered(part, "_sized") for part in joined.nodes]
        return tree

    def call(self, context: Context, callee: Any, *arguments: Any, **named: Any) -> Any:
        """Call what a template calls, counted."""
        _take(1)
        owner = getattr(callee, "__self__", None)
        if isinstance(owner, str | bytes | list | tuple):
            given = (*arguments, *named.values())
            texts = [value for value in (owner, *given) if isinstance(value, type(owner))]
            _check_growth(callee.__name__, texts, given)
        return _sized(super().call(context, callee, *arguments, **named))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """``str.format`` and ``format_map`` without wide fields."""
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None
        text, formatted = value.__self__, wrapped

        @wraps(formatted)
        def narrow(*arguments: Any, **named: Any) -> str:
            _check_format(text)
            return formatted(*arguments, **named)

        return narrow

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate where the result can't be huge."""
        if operator == "%" and isinstance(left, str | bytes):
            _check_format(left)
        elif operator == "**" and not (_small(left) and _small(right)):
            raise SecurityError(f"a power beyond {MOST_WIDTH:,} ** {MOST_WIDTH:,}")
        elif operator == "*":
            for text, times in ((left, right), (right, left)):
                if isinstance(times, int) and isinstance(text, str | bytes | list | tuple):
                    _check_size(len(text) * times)
        return _sized(super().call_binop(context, operator, left, right))


def _filtered(node: Any, name: str) -> nodes.Filter:
    line = node.lineno if node is not None else 1
    return nodes.Filter(node, name, [], [], None, None, lineno=line)


def _take(steps: int) -> None:
    counter = _steps.get(None)
    for _ in range(steps):
        if counter is not None and next(counter, None) is None:
            raise SecurityError(f"it takes over {MOST_STEPS:,} rounds and calls")


@pass_context  # what takes the context is not worked out while compiling
def _counted(_: Context, iterable: Iterable[Any]) -> Iterable[Any]:
    if isinstance(iterable, Sized):
        _take(len(iterable))
        return iterable
    return _counting(iterable)


def _counting(iterable: Iterable[Any]) -> Iterator[Any]:
    for item in iterable:
        _take(1)
        yield item


@pass_context
def _sized_in_context(_: Context, value: Any) -> Any:
    return _sized(value)


def _sized(value: Any) -> Any:
    if isinstance(value, str | bytes | list | tuple):
        _check_size(len(value))
    return value


def _check_size(size: int) -> None:
    if size > MOST_CHARACTERS:
        raise SecurityError(f"it makes something over {MOST_CHARACTERS:,} characters long")


def _small(number: Any) -> bool:
    return isinstance(number, float) or (isinstance(number, int) and abs(number) <= MOST_WIDTH)


def _check_growth(method: str, texts: list[Any], given: tuple[Any, ...]) -> None:
    """Refuse to pad, repeat, join or fill ``texts`` to a huge one; ``given`` are all arguments."""
    widths = [value for value in given if isinstance(value, int)]
    if any(width > MOST_WIDTH for width in widths):
        raise SecurityError(f"a width over {MOST_WIDTH:,}")
    first = texts[0] if texts else ""
    if method == "format":
        _check_format(first)
    elif method in ("indent", "expandtabs"):
        space = max([8, *widths, *(len(text) for text in texts[1:])])
        _check_size(len(first) + (len(first.splitlines()) + first.count("\t")) * space)
    elif method == "replace" and len(texts) > 2:
        _check_size(len(first) + first.count(texts[1]) * len(texts[2]))
    elif method in ("join", "sum"):
        lists = [value for value in given if isinstance(value, list | tuple)]
        _check_size(sum(len(part) for parts in lists for part in parts if isinstance(part, Sized)))
        _check_size(sum(map(len, lists)) * max([1, *map(len, texts)]))
    elif method == "translate":
        raise SecurityError("translate is not for templates; use replace")


def _check_format(text: str | bytes) -> None:
    """Refuse widths and precisions of five digits and more, or taken from a value."""
    shown = text.decode("latin-1") if isinstance(text, bytes) else text
    if _WIDE.search(shown):
        raise SecurityError(f"a width over {MOST_WIDTH:,}, or from a value, in a format")


def _careful(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that may make texts grow, bounded as a method of the same name is."""

    @wraps(function)
    def bounded(*arguments: Any, **named: Any) -> Any:
        given = (*arguments, *named.values())
        _check_growth(name, [value for value in given if isinstance(value, str)], given)
        return _sized(function(*arguments, **named))

    return bounded
