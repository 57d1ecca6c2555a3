"""litellm behind the seam: any provider string, one attempt a call, whatever goes wrong sorted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import LmoptError, RefusedError, TransientError
from pytest_lmopt.lm.faults.translation import translated
from pytest_lmopt.lm.litellm_loading import asking_once, load_litellm, tool_arguments
from pytest_lmopt.lm.loop import on_lm_loop
from pytest_lmopt.lm.money.usage import as_reported, usage_of
from pytest_lmopt.lm.reported_usage import noting_usage
from pytest_lmopt.lm.tracing import our_own
from pytest_lmopt.wire import OCCURRENCE, Completion, Request, ToolCall

TIMEOUT_SECONDS = 120.0
_SLACK_SECONDS = 5.0


class LiteLLM:
    """Asks a provider through litellm.

    ``endpoint`` (base URL) and ``api_key`` override the provider's environment variables;
    ``asked_as`` is the litellm model string where it differs from the request's; an answer takes
    ``timeout`` seconds at most.
    """

    def __init__(
        self,
        *,
        asked_as: str | None = None,
        endpoint: str | None = None,
        api_key: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        clock: Clock = SYSTEM,
    ) -> None:
        self._clock = clock
        self._asked_as = asked_as
        self._timeout = timeout
        self._where = {
            name: value
            for name, value in (("api_base", endpoint), ("api_key", api_key))
            if value is not None
        }

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises ``TransientError``, ``RefusedError`` or ``ModelError``."""
        # litellm keeps a client for each event loop, by a number that a later loop may have again
        return await on_lm_loop(self._complete(request))

    async def _complete(self, request: Request) -> Completion:
        litellm = load_litellm()
        model = self._asked_as or request.model
        messages = [{"role": role, "content": text} for role, text in request.messages]
        # a chat request of a client's has messages of its own, tool calls included
        asked = {"messages": messages, **request.params}
        asked.pop(OCCURRENCE, None)
        failure: LmoptError | None = None
        try:
            async with within(self._timeout, request, self._clock):
                with asking_once(), our_own(), noting_usage() as odd:
                    response = await litellm.acompletion(
                        model=model,
                        timeout=self._timeout + _SLACK_SECONDS,
                        num_retries=0,
                        max_retries=0,
                        **self._where,
                        **tool_arguments(request.params.get("tools")),
                        **asked,
                    )
            choice = response.choices[0]
            text, finish = choice.message.content, choice.finish_reason
            tool_calls = _tool_calls(choice.message)
            reported = as_reported(getattr(response, "usage", None), odd=odd)
        except TransientError:
            raise
        except Exception as error:
            failure = translated(error, request)
        if failure is not None:
            # raised out here it drags no litellm frames along: their arguments hold the key, and
            # pytest prints the arguments of every frame in a traceback
            raise failure
        if finish == "content_filter":
            raise RefusedError(
                f"the answer of {request.model} was cut off by the provider's content filter",
                request=request,
            )
        if tool_calls and text is None:
            text = ""
        if not isinstance(text, str):
            raise RefusedError(
                f"{request.model} answered without text (finish reason {finish!r})", request=request
            )
        usage, remark = usage_of(request, reported)
        return Completion(
            text=text,
            tool_calls=tool_calls,
            finish=finish or "",
            usage=usage,
            usage_remark=remark,
        )


def _tool_calls(message: Any) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(str(call.id), str(call.function.name), str(call.function.arguments))
        for call in getattr(message, "tool_calls", None) or ()
    )


@asynccontextmanager
async def within(seconds: float, request: Request, clock: Clock = SYSTEM) -> AsyncIterator[None]:
    """Raise a ``TransientError`` where the block takes longer.

    Clients count their time-out from byte to byte, so for them a slow answer might never end.
    """
    loop = asyncio.get_running_loop()
    limit = asyncio.timeout(None)
    alarm = clock.call_later(seconds, lambda: limit.reschedule(loop.time()))
    try:
        async with limit:
            yield
    except TimeoutError as error:
        raise TransientError(
            f"no answer within {seconds:g} s (--lm-timeout)", request=request
        ) from error
    finally:
        alarm.cancel()
