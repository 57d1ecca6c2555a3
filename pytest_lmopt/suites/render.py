"""From a prompt state and inputs to chat messages, through sandboxed Jinja2."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.fields import format_answer, format_directive
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.wire import Message

if TYPE_CHECKING:
    from jinja2 import Template

    from pytest_lmopt.suites.templates.sandbox import Sandbox


def render(state: PromptState, inputs: Mapping[str, Any]) -> tuple[Message, ...]:
    """Chat messages: the instruction, each demo as a question and its answer, the inputs.

    Raises ``PromptError`` for inputs that are missing or not declared, or a template that fails.
    """
    _check_inputs(state, inputs)
    messages = [Message("system", _system_text(state))]
    for demo in state.demos:
        asked = {name: demo[name] for name in state.inputs}
        messages.append(Message("user", _user_text(state, asked)))
        messages.append(Message("assistant", format_answer(state, demo)))
    messages.append(Message("user", _user_text(state, inputs)))
    return tuple(messages)


def check_template(source: str, inputs: tuple[str, ...]) -> None:
    """Raise ``PromptError`` if a template does not parse or uses a variable that is no input.

    The error's ``line`` counts from the template's first line.
    """
    from jinja2 import TemplateSyntaxError, nodes

    try:
        tree = _environment().parse(source)
        unknown = _environment().undeclared(tree) - {*inputs, *_environment().globals}
    except TemplateSyntaxError as error:
        raise PromptError(
            f"not a Jinja2 template: {error.message}", field="template", line=error.lineno
        ) from None
    except Exception as error:  # nested too deeply, a number too long to read, ...
        raise PromptError(f"not a Jinja2 template: {error}", field="template") from None
    for name in tree.find_all(nodes.Name):
        if name.name in unknown and name.ctx == "load":
            raise PromptError(
                f"the template uses {name.name!r}, which is not among the inputs {list(inputs)}",
                field="template",
                line=name.lineno,
            )


@lru_cache(maxsize=1)
def _environment() -> Sandbox:
    from pytest_lmopt.suites.templates.sandbox import Sandbox

    return Sandbox()


@lru_cache(maxsize=512)
def _template(source: str) -> Template:
    return _environment().from_string(source)


def _user_text(state: PromptState, inputs: Mapping[str, Any]) -> str:
    if state.template is None:
        if len(state.inputs) == 1:
            return str(inputs[state.inputs[0]])
        return "\n".join(f"{name}: {inputs[name]}" for name in state.inputs)
    try:
        return _environment().bounded(_template(state.template), dict(inputs))
    except Exception as error:  # a template may do anything an expression can: divide, index, ...
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
