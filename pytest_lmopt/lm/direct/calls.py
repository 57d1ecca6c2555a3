"""A call that a pipeline makes on litellm itself: through the run's LM, like a prompt's.

What the pipeline gets is what litellm would have given it: a ``ModelResponse`` or a stream, or
litellm's own exception. An exhausted budget and an answer missing from the recordings, which
litellm has no words for, are raised as they are.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from pytest_lmopt import known_secrets
from pytest_lmopt.errors import LMError, LmoptError, ModelError
from pytest_lmopt.lm.direct.answers import as_litellm_would, ask, told
from pytest_lmopt.lm.direct.identity import as_text, model_name, recorded_form
from pytest_lmopt.lm.direct.refusal import refuse
from pytest_lmopt.lm.loop import submit
from pytest_lmopt.lm.tracing import DIRECT, Call, RunContext, current_run, is_our_own
from pytest_lmopt.wire import Completion, Request, Usage, WholeCompletion

_MOCKED = ("mock_response", "mock_tool_calls", "mock_timeout")
_OWN_RETRIES = ("fallbacks", "context_window_fallback_dict", "retry_policy", "retry_strategy")


def direct_call(
    make: Callable[..., Any],
    legacy: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    asynchronous: bool,
) -> DirectCall | None:
    """The call a run has to answer for; None for one that is none of ours.

    ``make`` makes it as litellm does, ``legacy`` has its signature. Raises ``LostContextError``
    where runs are under way but none can be seen from here.
    """
    try:
        bound = _signature(legacy).bind(*args, **kwargs).arguments
    except TypeError:
        return None  # litellm says what is wrong with it
    arguments = {**bound, **bound.get("kwargs", {})}
    arguments.pop("kwargs", None)
    mocked = any(arguments.get(name) is not None for name in _MOCKED)
    if is_our_own() or mocked or not isinstance(arguments.get("model"), str):
        return None
    if not asynchronous and arguments.get("acompletion"):
        refuse("completion(acompletion=True)")  # not how litellm calls itself: that is our own
    run = current_run(DIRECT + model_name(arguments))
    if run is None:
        return None
    known_secrets.note_arguments(arguments)
    return DirectCall(
        run=run,
        make=make,
        arguments=arguments,
        asynchronous=asynchronous,
    )


@dataclass(frozen=True, kw_only=True)
class DirectCall:
    """One call of ``litellm.completion``, or of ``acompletion`` if ``asynchronous``."""

    run: RunContext
    make: Callable[..., Any]
    arguments: Mapping[str, Any]
    asynchronous: bool

    def answer(self) -> Any:
        """Wait for what litellm would have returned."""
        future = submit(self._complete())
        error: BaseException
        try:
            with self.run.block.awaiting(future):
                return as_litellm_would(future.result(), self.arguments)
        except LmoptError as raised:
            error = told(raised)
        raise error

    async def aanswer(self) -> Any:
        """Wait for what litellm would have returned, from async code."""
        future = submit(self._complete())
        error: BaseException
        try:
            # a sync pipeline's own event loop is not cancelled with its run
            with self.run.block.awaiting(future):
                return as_litellm_would(await asyncio.wrap_future(future), self.arguments)
        except LmoptError as raised:
            error = told(raised)
        raise error

    async def _complete(self) -> Completion:
        run = self.run
        if run.block.ended:
            raise asyncio.CancelledError
        number = run.begin()
        call = Call(
            prompt=DIRECT + model_name(self.arguments),
            inputs={"messages": recorded_form(self.arguments)["messages"]},
            outputs={},
            text="",
            usage=Usage(),
        )
        try:
            request, completion = await self._first_answer()
            call = replace(
                call,
                request=replace(request, ask=None),
                text=completion.text,
                usage=completion.usage,
                outputs={"content": completion.text},
                whole=completion.whole if isinstance(completion, WholeCompletion) else None,
            )
            return completion
        except BaseException as error:
            call = run.failed(call, error)
            raise
        finally:
            run.end(number, call)

    async def _first_answer(self) -> tuple[Request, Completion]:
        """The model's answer, or else that of the first of its ``fallbacks`` that gives one."""
        waiting = [dict(self.arguments), *self._fallbacks()]
        while True:
            arguments = waiting.pop(0)
            request = self._request(arguments)
            try:
                return request, await self.run.lm.complete(request)
            except (LMError, ModelError) as error:
                larger = (arguments.get("context_window_fallback_dict") or {}).get(
                    arguments["model"]
                )
                if larger and type(told(error)).__name__ == "ContextWindowExceededError":
                    waiting.insert(0, {**arguments, "model": larger})
                if not waiting:
                    raise

    def _fallbacks(self) -> Iterator[dict[str, Any]]:
        for fallback in self.arguments.get("fallbacks") or ():
            changed = fallback if isinstance(fallback, Mapping) else {"model": fallback}
            yield {**self.arguments, **changed}

    def _request(self, arguments: Mapping[str, Any]) -> Request:
        """The request of one attempt; equal calls of one run are answered independently."""
        recorded = recorded_form(arguments)
        request = Request(
            model=model_name(arguments),
            messages=as_text(recorded),
            params=recorded,
            repeat=self.run.repeat,
        )
        before = self.run.occurrence(request.key)
        if before:
            request = replace(request, params={**recorded, "occurrence": before})
        sent = {name: value for name, value in arguments.items() if name not in _OWN_RETRIES}
        # every attempt is paid for, so only ours may be repeated
        sent.update(num_retries=0, max_retries=0)
        asking = partial(ask, self.make, sent, request, asynchronous=self.asynchronous)
        return replace(request, ask=asking)


@lru_cache(maxsize=8)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)
