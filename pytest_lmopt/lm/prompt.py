"""``Prompt``: one LM step as pipelines call it, in production as under test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import ModelError, PromptError
from pytest_lmopt.lm.loop import Begun, answer, begin
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.lm.tracing import Call, RunContext, current_run
from pytest_lmopt.lm.waiting import blocking, sending_on
from pytest_lmopt.suites.fields import parse_answer
from pytest_lmopt.suites.places import prompt_key
from pytest_lmopt.suites.prompt_file import load_prompt_file
from pytest_lmopt.suites.prompt_state import Demo, OutputFormat, PromptState
from pytest_lmopt.suites.reasoning import with_room
from pytest_lmopt.suites.render import check_template, render
from pytest_lmopt.wire import DEFAULT_MAX_TOKENS, Completion, Request, Usage


class Prompt:
    """One LM step: an instruction with input and output fields, called like a function.

    >>> shout = Prompt(name="shout", instruction="Repeat in capitals.", inputs=["text"],
    ...                output="loud")
    >>> shout
    Prompt('shout', inputs=['text'], outputs=['loud'])

    ``prompt(text="hi")`` and ``await prompt.acall(text="hi")`` return a ``Completion``. ``key``
    identifies the prompt in traces and candidates: its file, or its name if it has none.
    """

    def __init__(
        self,
        *,
        name: str,
        instruction: str,
        inputs: Sequence[str],
        output: str | None = None,
        outputs: Sequence[str] = (),
        format: OutputFormat | None = None,
        template: str | None = None,
        demos: Sequence[Demo] = (),
        model: str | None = None,
        params: Mapping[str, Any] | None = None,
        reasoning: bool = False,
    ) -> None:
        if (output is None) == (not outputs):
            raise PromptError("give either output= (a name) or outputs= (a list)")
        if template is not None:
            check_template(template, tuple(inputs))
        fields = (output,) if output is not None else tuple(outputs)
        self.state = PromptState(
            instruction=instruction,
            inputs=tuple(inputs),
            outputs=fields,
            format=format or ("text" if len(fields) == 1 else "lines"),
            template=template,
            demos=tuple(demos),
            model=model,
            params=dict(params or {}),
            reasoning=reasoning,
        )
        self.name = self.key = name
        self.path: Path | None = None

    @classmethod
    def load(cls, path: str | Path) -> Prompt:
        """Load a prompt file; raises ``PromptError`` naming file, field and line."""
        path = Path(path).resolve()
        prompt = cls.__new__(cls)
        prompt.state = load_prompt_file(path)
        prompt.name, prompt.key, prompt.path = path.stem, prompt_key(path), path
        return prompt

    @property
    def lmopt_identity(self) -> str:
        """What a metric that calls this prompt depends on: its content, wherever its file lies."""
        return f"Prompt({self.name!r}, {self.state.digest})"

    def __repr__(self) -> str:
        inputs, outputs = list(self.state.inputs), list(self.state.outputs)
        return f"Prompt({self.name!r}, inputs={inputs}, outputs={outputs})"

    def __call__(self, **inputs: Any) -> Completion:
        """Call the model and wait for the answer."""
        run = current_run(self.name)
        with blocking():
            future = begin(self._complete(run, inputs))
        if run is None:
            return future.result()
        with run.block.awaiting(future):
            return future.result()

    async def acall(self, **inputs: Any) -> Completion:
        """Call the model from async code, on its own event loop."""
        run = current_run(self.name)
        work = Begun(self._complete(run, inputs))
        with sending_on(asyncio.get_running_loop()):
            if run is None:
                return await work.task
            with run.block.awaiting(work):
                return await work.task

    async def _complete(self, run: RunContext | None, inputs: Mapping[str, Any]) -> Completion:
        if run is None:
            request = self._request(None, inputs)
            return _parsed(self.state, await answer(_production_lm(), request))
        if run.block.ended:
            raise asyncio.CancelledError
        number = run.begin()
        known: dict[str, Any] = {"outputs": {}, "text": "", "usage": Usage()}
        raised: BaseException | None = None
        try:
            known["request"] = request = self._request(run, inputs)
            raw = await answer(run.lm, request)
            known["text"], known["usage"] = raw.text, raw.usage
            state = run.states[self.key]
            completion = _parsed(state, raw)
            known["outputs"] = completion.fields
            known["reasoning"] = completion.reasoning if state.reasoning else ""
            return completion
        except BaseException as error:
            raised = error
            raise
        finally:
            call = Call(prompt=self.key, inputs=dict(inputs), **known)
            run.end(number, call if raised is None else run.failed(call, raised))
            del raised  # it holds this frame, and so itself

    def _request(self, run: RunContext | None, inputs: Mapping[str, Any]) -> Request:
        state = self.state
        if run is not None:
            state = run.candidate.states.get(self.key, state)
            if run.states.setdefault(self.key, state) != state:
                raise PromptError(f"two different prompts are called {self.key!r}; rename one")
        default = run.model if run is not None else None
        if default is None:  # empty is another thing: the run is to have none
            default = os.environ.get("LMOPT_MODEL")
        model = state.model or default
        if not model:
            raise ModelError(
                f"prompt {self.name!r} has no model: set one with --lm-model=MODEL, lm_model in "
                "the pytest configuration, LMOPT_MODEL, or 'model:' in the prompt file "
                "('local' is the packaged one)",
                model=None,
            )
        try:
            messages = render(state, inputs)
        except PromptError as error:
            raise PromptError(
                error.problem, path=self.path or self.name, field=error.field, line=error.line
            ) from error
        params = {"max_tokens": DEFAULT_MAX_TOKENS, **state.params}
        return Request(
            model=model,
            messages=messages,
            params=with_room(params) if state.reasoning else params,
            repeat=run.repeat if run else 0,
        )


def _parsed(state: PromptState, raw: Completion) -> Completion:
    reasoning, answer, outputs = parse_answer(state, raw.text)
    # an output may have that name where no reasoning is asked for
    return replace(raw, text=answer, fields=outputs, reasoning=outputs.get("reasoning", reasoning))


def _production_lm() -> LM:
    from pytest_lmopt.lm.stack import production_lm

    return production_lm()
