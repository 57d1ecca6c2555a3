"""From a prompt state and inputs to chat messages, through sandboxed Jinja2."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.fields import format_directive, format_outputs
from pytest_lmopt.suites.prompt_state import PromptState

if TYPE_CHECKING:
    from jinja2 import Environment, Template


class Message(NamedTuple):
    """One chat message; ``role`` is system, user or assistant."""

    role: str
    content: str


def render(state: PromptState, inputs: Mapping[str, Any]) -> tuple[Message, ...]:
    """Chat messages: the instruction, each demo as a question and its answer, the inputs.

    Raises ``PromptError`` for inputs that are missing or not declared, or a template that fails.
    """
    _check_inputs(state, inputs)
    messages = [Message("system", _system_text(state))]
    for demo in state.demos:
        asked = {name: demo[name] for name in state.inputs}
        answered = {name: demo[name] for name in state.outputs}
        messages.append(Message("user", _user_text(state, asked)))
        messages.append(Message("assistant", format_outputs(state, answered)))
    messages.append(Message("user", _user_text(state, inputs)))
    return tuple(messages)


def check_template(source: str, inputs: tuple[str, ...]) -> None:
    """Raise ``PromptError`` if a template does not parse or uses a variable that is no input.

    The error's ``line`` counts from the template's first line.
    """
    from jinja2 import TemplateSyntaxError, nodes

    try:
        tree = _environment().parse(source)
    except TemplateSyntaxError as error:
        raise PromptError(
            f"not a Jinja2 template: {error.message}", field="template", line=error.lineno
        ) from None
    bound = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    for name in tree.find_all(nodes.Name):
        if name.name not in bound and name.name not in inputs and name.name not in _GLOBALS:
            raise PromptError(
                f"the template uses {name.name!r}, which is not among the inputs {list(inputs)}",
                field="template",
                line=name.lineno,
            )


_GLOBALS = frozenset({"range", "dict", "lipsum", "cycler", "joiner", "namespace", "loop"})


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@lru_cache(maxsize=512)
def _template(source: str) -> Template:
    return _environment().from_string(source)


def _default_template(inputs: tuple[str, ...]) -> str:
    if len(inputs) == 1:
        return "{{ %s }}" % inputs[0]  # noqa: UP031 - braces are Jinja2's here
    return "\n".join("%s: {{ %s }}" % (name, name) for name in inputs)  # noqa: UP031


def _user_text(state: PromptState, inputs: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    try:
        return _template(state.template or _default_template(state.inputs)).render(inputs)
    except TemplateError as error:
        raise PromptError(f"the template failed: {error}", field="template") from error


def _system_text(state: PromptState) -> str:
    directive = format_directive(state)
    return "\n\n".join(part for part in (state.instruction.strip(), directive) if part)


def _check_inputs(state: PromptState, inputs: Mapping[str, Any]) -> None:
    missing = [name for name in state.inputs if name not in inputs]
    extra = [name for name in inputs if name not in state.inputs]
    if missing or extra:
        problem = f"input {missing[0]!r} is missing" if missing else f"{extra[0]!r} is no input"
        raise PromptError(
            f"{problem}; the prompt declares {list(state.inputs)}, the call gave {list(inputs)}",
            field="inputs",
        )
