"""Making a direct call as the pipeline would, and giving it what litellm would have given."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import lru_cache
from typing import Any

from pytest_lmopt.errors import LmoptError, RefusedError
from pytest_lmopt.lm.faults.translation import translated
from pytest_lmopt.lm.litellm_loading import asking_once, load_litellm, tool_arguments
from pytest_lmopt.lm.money.usage import as_reported, usage_of
from pytest_lmopt.lm.quiet import quiet
from pytest_lmopt.lm.reported_usage import noting_usage
from pytest_lmopt.lm.tracing import our_own
from pytest_lmopt.wire import Completion, Request, Usage, WholeCompletion

_HIDDEN = ("custom_llm_provider", "response_cost")
_NOT_THE_PROVIDERS = (TypeError, ValueError, LookupError, AttributeError, ImportError)


async def ask(
    make: Callable[..., Any], arguments: Mapping[str, Any], request: Request, *, asynchronous: bool
) -> WholeCompletion:
    """One attempt; a stream is read to its end before anything is handed on.

    Raises as ``LiteLLM`` does. A sync call is made by litellm's sync code, on a thread of its own.
    """
    sent = {**tool_arguments(arguments.get("tools")), **arguments}
    try:
        if asynchronous:
            with our_own(), asking_once(), quiet(), noting_usage(mend=False) as odd:
                given = await make(**sent)
                if hasattr(given, "__anext__"):
                    given = [chunk async for chunk in given]
        else:
            given, odd = await asyncio.wrap_future(_on_thread(lambda: _made(make, sent)))
    except _NOT_THE_PROVIDERS as error:
        raise RefusedError(f"{type(error).__name__}: {error}", request=request) from error
    except Exception as error:
        raise translated(error, request) from error
    return _whole(given, request, arguments, odd)


def as_litellm_would(completion: Completion, arguments: Mapping[str, Any]) -> Any:
    """A ``ModelResponse``, or a stream where one was asked for; a new one for each caller."""
    with quiet():
        return _as_litellm_would(completion, arguments)


def _as_litellm_would(completion: Completion, arguments: Mapping[str, Any]) -> Any:
    litellm = load_litellm()
    if not isinstance(completion, WholeCompletion):  # a test's own LM has answered
        return litellm.ModelResponse(
            model=arguments["model"],
            choices=[{"message": {"role": "assistant", "content": completion.text}}],
            usage=_usage_as_told(completion.usage),
        )
    whole = copy.deepcopy(dict(completion.whole))
    if "chunks" in whole:
        chunks = [litellm.ModelResponseStream(**chunk) for chunk in whole["chunks"]]
        return _stream_class()(chunks, model=arguments["model"], hidden=whole["hidden"])
    response = litellm.ModelResponse(**whole["response"])
    response._hidden_params.update(whole["hidden"])
    return response


def told(error: LmoptError) -> BaseException:
    """The error to raise in the pipeline: the provider's own where there is one."""
    cause: BaseException | None = error
    while isinstance(cause, LmoptError):
        cause = cause.__cause__
    return cause or error


def _made(make: Callable[..., Any], arguments: Mapping[str, Any]) -> tuple[Any, list[str]]:
    with our_own(), asking_once(), quiet(), noting_usage(mend=False) as odd:
        given = make(**arguments)
        return (list(given) if hasattr(given, "__next__") else given), odd


def _on_thread(work: Callable[[], Any]) -> Future[Any]:
    """Run on a daemon thread, so that an answer nobody waits for any more delays no exit."""
    future: Future[Any] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:
            future.set_exception(error)

    future.set_running_or_notify_cancel()
    threading.Thread(target=run, name="lmopt-direct", daemon=True).start()
    return future


def _whole(
    given: Any, request: Request, arguments: Mapping[str, Any], odd: Iterable[str]
) -> WholeCompletion:
    whole: dict[str, Any]
    if isinstance(given, list):
        whole = {"chunks": [chunk.model_dump(mode="json") for chunk in given]}
        given = load_litellm().stream_chunk_builder(given, messages=arguments.get("messages"))
    else:
        whole = {"response": given.model_dump(mode="json")}
    hidden = getattr(given, "_hidden_params", None) or {}
    whole["hidden"] = {name: hidden[name] for name in _HIDDEN if hidden.get(name) is not None}
    choices = getattr(given, "choices", None) or ()
    usage, remark = usage_of(request, as_reported(getattr(given, "usage", None), odd=odd))
    return WholeCompletion(
        text=(choices[0].message.content or "") if choices else "",
        usage=usage,
        usage_remark=remark,
        whole=whole,
    )


def _usage_as_told(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.tokens,
    }


@lru_cache(maxsize=1)
def _stream_class() -> type:
    """A stream that is litellm's own kind to whoever asks, over chunks that are all there."""

    class WholeStream(load_litellm().CustomStreamWrapper):  # type: ignore[misc]  # untyped
        def __init__(self, chunks: Iterable[Any], *, model: str, hidden: dict[str, Any]) -> None:
            self.model = model
            self.logging_obj = None
            self.chunks: list[Any] = []
            self.completion_stream = iter(chunks)
            self._hidden_params = hidden

        def __next__(self) -> Any:
            chunk = next(self.completion_stream)
            self.chunks.append(chunk)
            return chunk

        async def __anext__(self) -> Any:
            for chunk in self.completion_stream:
                self.chunks.append(chunk)
                return chunk
            raise StopAsyncIteration

        async def aclose(self) -> None:
            self.completion_stream = iter(())

    return WholeStream
