"""Responses as completions and errors, read by the dialects as those of clients are."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.dialects.anthropic_messages import AnthropicMessages
from pytest_lmopt.lm.dialects.json_bodies import json_object, mapping, objects
from pytest_lmopt.lm.dialects.openai_chat import OpenAIChat
from pytest_lmopt.lm.dialects.protocol import Answer, Body, Dialect, HttpResponse
from pytest_lmopt.lm.engine.services import Service
from pytest_lmopt.lm.money.usage import usage_of
from pytest_lmopt.wire import Completion, Request

CHAT, ANTHROPIC = OpenAIChat(), AnthropicMessages()

_FINISHES = {
    **{reason: reason for reason in ("length", "tool_calls", "function_call", "content_filter")},
    **dict.fromkeys(("max_tokens", "model_context_window_exceeded", "pause_turn"), "length"),
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Reasons for the end of an answer, in OpenAI's words; as in litellm, all others are a stop."""

_THOUGHT = re.compile(
    r"<(?:think|thinking|budget:thinking)>.*?</(?:think|thinking|budget:thinking)>", re.DOTALL
)


def dialect_of(service: Service) -> Dialect:
    """Return the dialect in which a provider answers."""
    return ANTHROPIC if service.wire == "anthropic" else CHAT


def completion_of(
    service: Service, request: Request, body: Body, response: HttpResponse
) -> Completion | LmoptError:
    """Read a response; an error is returned, to be raised where no frame holds the key."""
    dialect = dialect_of(service)
    if response.status >= 300:
        return _error(dialect, request, response)
    try:
        answer = dialect.answer(body, response)
    except ValueError as error:
        status = _reported_status(response)
        if status:
            return dialect.error(request, replace(response, status=status))
        return TransientError(f"{request.model}: {error}", request=request)
    finish = _FINISHES.get(answer.finish, "tool_calls" if answer.tool_calls else "stop")
    text = _text(service, answer, response)
    if answer.problem or finish == "content_filter" or text is None:
        return RefusedError(_refusal(request, answer, finish), request=request)
    reported = _with_thoughts(answer.reported) if service.name == "gemini" else answer.reported
    usage, remark = usage_of(request, reported)
    return Completion(
        text=text,
        tool_calls=tuple(
            call if call.id else call._replace(id=f"call_{number}")
            for number, call in enumerate(answer.tool_calls, start=1)
        ),
        finish=finish,
        usage=usage,
        usage_remark=remark,
    )


def _error(dialect: Dialect, request: Request, response: HttpResponse) -> LmoptError:
    if response.status >= 400 or "location" not in response.headers:
        return dialect.error(request, response)
    return ModelError(
        f"the provider of {request.model!r} redirects requests (status {response.status}): set its "
        "base URL to the address that it redirects to",
        model=request.model,
    )


def _reported_status(response: HttpResponse) -> int:
    """Return the status of an error that is reported with status 200; 0 for none."""
    error = mapping((json_object(response.body) or {}).get("error"))
    for name in ("code", "status"):
        code = error.get(name)
        if isinstance(code, int) and 400 <= code < 600:
            return code
    return 0


def _refusal(request: Request, answer: Answer, finish: str) -> str:
    if finish == "content_filter":
        return f"the answer of {request.model} was cut off by the provider's content filter"
    if answer.problem:
        return f"{request.model}: {answer.problem}"
    return f"{request.model} answered without text (finish reason {finish!r})"


def _text(service: Service, answer: Answer, response: HttpResponse) -> str | None:
    """Return the text without a thought at its beginning; None where there is no answer."""
    text = answer.text
    if not text and not answer.tool_calls:
        is_null = service.wire == "anthropic" or _message(response).get("content") is None
        return None if is_null or not service.empty else ""
    thought = _THOUGHT.match(text) if service.thoughts else None
    if thought is None or _reports_thoughts(response):
        return text
    return text[thought.end() :]


def _reports_thoughts(response: HttpResponse) -> bool:
    return not _message(response).keys().isdisjoint(("reasoning_content", "reasoning"))


def _message(response: HttpResponse) -> Any:
    choices = objects((json_object(response.body) or {}).get("choices"))
    return mapping(choices[0].get("message")) if choices else {}


def _with_thoughts(reported: Any) -> Any:
    """Count as output what the total has beside its parts: there the provider hides thoughts."""
    parts = (reported.input, reported.output, reported.total)
    if reported.odd or not all(type(part) is int for part in parts):
        return reported
    hidden = reported.total - reported.input - reported.output
    if hidden <= 0:
        return reported
    return replace(reported, output=reported.output + hidden, reasoning=hidden)
