"""Jinja2 for templates that somebody else may have written: sandboxed, and bounded.

Whatever can make a value, or take long, is looked at before it is done: operations, filters, tests,
calls, lists and mappings, what is put out, and each round of a loop or macro with all in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import wraps
from itertools import islice
from typing import Any

from jinja2 import StrictUndefined, Template, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.meta import TrackingCodeGenerator
from jinja2.runtime import Context, LoopContext, Macro, markup_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, _PassArg
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from pytest_lmopt.suites.templates.account import (
    MOST_CHARACTERS,
    PER_CALL,
    PER_ITEM,
    PER_NODE,
    account,
    counting,
    current,
)
from pytest_lmopt.suites.templates.growth import (
    FREE,
    FREE_TESTS,
    check_hashed,
    formatted_size,
    look_at,
    look_at_operation,
)

MOST_TOKENS = 20_000
"""Of a template's source, texts between its tags counted as one."""

_PLAIN = frozenset({str, int, float, bool, type(None), list, tuple, dict, Markup})
_VALUES = (str, bytes, list, tuple, int, float, dict, set, range)


class Sandbox(ImmutableSandboxedEnvironment):
    """Renders with ``bounded``; raises ``SecurityError`` inside a template that goes too far."""

    intercepted_binops = frozenset({"+", "*", "**", "%", "//"})

    def __init__(self) -> None:
        # not optimized: what is constant is worked out when it is counted
        super().__init__(
            undefined=StrictUndefined, autoescape=False, optimized=False, finalize=_shown
        )
        del self.globals["lipsum"]  # texts of any length
        for kept, makes in ((self.filters, True), (self.tests, False)):
            for name, function in list(kept.items()):
                kept[name] = _careful(name, function, makes=makes)
        self.filters |= {each.__name__: each for each in _OURS}

    def bounded(self, template: Template, values: dict[str, Any]) -> str:
        """The rendered text, or an error once it is too long or takes too much."""
        with counting():
            parts, length = [], 0
            for part in template.generate(values):
                length += len(part)
                parts.append(part)
                if length > MOST_CHARACTERS:
                    raise SecurityError(f"it makes a text over {MOST_CHARACTERS:,} characters long")
            return "".join(parts)

    def undeclared(self, tree: nodes.Template) -> set[str]:
        """Names that a template uses but does not make; no constant is worked out for it."""
        found = TrackingCodeGenerator(self)
        found.optimizer = None
        found.visit(tree)
        return found.undeclared_identifiers

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if next(islice(self.lex(source, name, filename), MOST_TOKENS, None), None) is not None:
            raise SecurityError(f"it has over {MOST_TOKENS:,} tokens")
        tree: nodes.Template = _Counting().visit(super()._parse(source, name, filename))
        return tree

    def call(self, context: Context, callee: Any, *arguments: Any, **named: Any) -> Any:
        """Call what a template calls, counted."""
        found = account()
        found.step()
        found.toil(PER_CALL)
        given = (*arguments, *named.values())
        owner = getattr(callee, "__self__", None)
        if isinstance(callee, LoopContext):  # a recursive loop's next level
            found.step(sum(len(each) for each in given[:1] if isinstance(each, Sized)))
        elif isinstance(owner, _VALUES):
            given = tuple(map(_listed, given))
            arguments, named = (
                given[: len(arguments)],
                dict(zip(named, given[len(arguments) :], strict=True)),
            )
            look_at(callee.__name__, (owner, *given), found)
        elif not isinstance(callee, Macro):
            found.toil(sum(map(found.weight, given)))
            if callee is dict:
                for each in given[:1]:
                    check_hashed([pair[0] for pair in each] if isinstance(each, list) else each)
        result = super().call(context, callee, *arguments, **named)
        if type(result) is not Namespace:
            found.make(found.weight(result))
        return result

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """``str.format`` and ``format_map`` without wide fields."""
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None
        text, formatted = value.__self__, wrapped

        @wraps(formatted)
        def narrow(*arguments: Any, **named: Any) -> str:
            found = account()
            given = (*arguments, *named.values())
            found.make(formatted_size(text, list(map(found.weight, given))))
            return formatted(*arguments, **named)

        return narrow

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate where the result can't be huge."""
        look_at_operation(operator, left, right, account())
        return super().call_binop(context, operator, left, right)


class _Counting(NodeTransformer):
    """Puts a filter of ours around whatever makes a value or repeats a part of a template."""

    def get_visitor(self, node: nodes.Node) -> Any:
        """The change for a kind of node, made to what is in it first."""
        change = _CHANGES.get(type(node))
        if change is None:
            return None

        def visit(node: nodes.Node) -> Any:
            # before what is ours is added
            size, chars = _extent(node) if isinstance(node, nodes.For) else (0, 0)
            self.generic_visit(node)
            if isinstance(node, nodes.For):
                node.iter = _filtered(node.iter, "_counted", size, chars)
            return change(node)

        return visit


def _tolled(node: Any) -> Any:
    size, chars = _extent(node)
    line = node.lineno
    value = nodes.Const(size, lineno=line)
    toll = nodes.ExprStmt(_filtered(value, "_paid", chars), lineno=line)
    node.body = [toll, *node.body]
    return node


def _tolled_if_recursive(node: Any) -> Any:
    return _tolled(node) if node.recursive else node


def _extent(node: nodes.Node) -> tuple[int, int]:
    """How many parts a node has, and how many characters of the template's own text."""
    texts = (len(each.data) for each in node.find_all(nodes.TemplateData))
    return sum(1 for _ in node.find_all(nodes.Node)), sum(texts)


def _sized_block(node: Any) -> Any:
    node.filter = _filtered(node.filter, "_sized", line=node.lineno)
    return node


def _sized_attribute(node: Any) -> Any:
    if isinstance(node.target, nodes.NSRef):
        node.node = _filtered(node.node, "_sized")
    return node


def _joined_parts(node: Any) -> Any:
    parts = nodes.List(node.nodes, lineno=node.lineno)
    return _filtered(_filtered(parts, "_sized"), "_joined")


def _sized_value(node: Any) -> Any:
    stored = isinstance(node, nodes.Tuple) and node.ctx != "load"
    return node if stored else _filtered(node, "_sized")


def _sized_copy(node: Any) -> Any:
    if isinstance(node.arg, nodes.Slice):  # copies, past the environment
        node.node = _filtered(node.node, "_sized")
    return node


def _compared_values(node: Any) -> Any:
    node.expr = _filtered(node.expr, "_compared")
    for operand in node.ops:
        operand.expr = _filtered(operand.expr, "_compared")
    return node


_CHANGES: Mapping[type[nodes.Node], Callable[[Any], Any]] = {
    nodes.For: _tolled_if_recursive,
    **dict.fromkeys((nodes.Macro, nodes.CallBlock, nodes.Block), _tolled),
    **dict.fromkeys((nodes.List, nodes.Tuple, nodes.Dict), _sized_value),
    nodes.AssignBlock: _sized_block,
    nodes.Assign: _sized_attribute,
    nodes.Concat: _joined_parts,
    nodes.Getitem: _sized_copy,
    nodes.Compare: _compared_values,
}


def _filtered(node: Any, name: str, *given: int, line: int = 1) -> nodes.Filter:
    line = node.lineno if node is not None else line
    arguments: list[nodes.Expr] = [nodes.Const(each, lineno=line) for each in given]
    return nodes.Filter(node, name, arguments, [], None, None, lineno=line)


@pass_context
def _shown(_: Context, value: Any) -> Any:
    """What is put out, wherever: a text of a block or a macro is made of such parts."""
    found = current()
    if found is not None:  # as little as can be: it is done for all that is put out
        found.make(len(value) if type(value) is str else found.weight(value))
    return value


@pass_context  # what takes the context is not worked out while compiling
def _counted(_: Context, iterable: Iterable[Any], size: int, chars: int) -> Iterable[Any]:
    """What a loop goes through; each round does ``size`` and puts out ``chars`` of the template."""
    if isinstance(iterable, Sized):
        found, rounds = account(), len(iterable)
        found.step(rounds)
        found.toil(rounds * size * PER_NODE)
        found.make_parts(rounds * chars)
        return iterable
    return _counting(iterable, size, chars)


def _counting(iterable: Iterable[Any], size: int, chars: int) -> Iterator[Any]:
    found = account()
    for item in iterable:
        found.step()
        found.toil(size * PER_NODE)
        found.make_parts(chars)
        yield item


@pass_context
def _paid(_: Context, size: int, chars: int) -> None:
    """What a macro does, or a round of a recursive loop, whenever it is called."""
    found = account()
    found.toil(size * PER_NODE)
    found.make_parts(chars)


@pass_context
def _sized(_: Context, value: Any) -> Any:
    found = account()
    found.make(found.weight(value))
    if isinstance(value, Mapping):
        check_hashed(value)
    return value


@pass_context
def _compared(_: Context, value: Any) -> Any:
    account().read(value)
    return value


@pass_context
def _joined(context: Context, parts: list[Any]) -> str:
    return markup_join(parts) if context.eval_ctx.autoescape else "".join(map(str, parts))


_OURS = (_counted, _paid, _sized, _compared, _joined)


def _listed(value: Any) -> Any:
    """A list of what is made item by item, counted; any other value as it is."""
    if type(value) in _PLAIN or not isinstance(value, Iterator):
        return value
    found, items, weight = account(), [], 0
    for item in value:
        found.toil(PER_CALL)
        items.append(item)
        weight += PER_ITEM + found.weight(item)
        found.check_size(weight)
    return items


def _careful(name: str, function: Callable[..., Any], *, makes: bool) -> Callable[..., Any]:
    """A filter or test, bounded as a method of the same name is; what it yields becomes a list."""
    pass_on = _PASSED[_PassArg.from_obj(function)]
    free = name in (FREE if makes else FREE_TESTS)

    @pass_context  # what takes the context is not worked out while compiling
    @wraps(function)
    def bounded(context: Context, *given: Any, **named: Any) -> Any:
        found = account()
        found.toil(PER_CALL)
        given = tuple(map(_listed, given))
        if named:
            named = {key: _listed(value) for key, value in named.items()}
        if not free:
            look_at(name, (*given, *named.values()), found)
        result = function(*pass_on(context), *given, **named)
        if makes and not free:
            result = _listed(result)
            found.make(found.weight(result))
        return result

    return bounded


_PASSED: Mapping[_PassArg | None, Callable[[Context], tuple[Any, ...]]] = {
    None: lambda _: (),
    _PassArg.context: lambda context: (context,),
    _PassArg.eval_context: lambda context: (context.eval_ctx,),
    _PassArg.environment: lambda context: (context.environment,),
}
