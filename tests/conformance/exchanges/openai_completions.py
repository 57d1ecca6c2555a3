"""Exchanges in OpenAI's legacy completions."""

from __future__ import annotations

from typing import Any

from conformance.exchanges.exchange import Exchange, json_answer, openai_errors, stream

from pytest_lmopt.lm.dialects.protocol import HttpResponse

BODY: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": "Rome is", "max_tokens": 5}
STREAMED = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
USAGE = {"prompt_tokens": 2, "completion_tokens": 5, "total_tokens": 7}
READ = (2, 5, None, None, None)


def _part(text: str, finish: str | None, index: int = 0) -> dict[str, object]:
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
    return {"id": "1", "object": "text_completion", "choices": [choice]}


def _answer(text: str, finish: str) -> HttpResponse:
    return json_answer({**_part(text, finish), "usage": USAGE})


END = {"id": "1", "object": "text_completion", "choices": [], "usage": USAGE}

EXCHANGES = (
    Exchange(
        name="text",
        body=BODY,
        response=_answer(" sunny.", "stop"),
        text=" sunny.",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="length",
        body=BODY,
        response=_answer(" sun", "length"),
        text=" sun",
        finish="length",
        figures=READ,
    ),
    Exchange(
        name="filter",
        body=BODY,
        response=_answer(" s", "content_filter"),
        text=" s",
        finish="content_filter",
        figures=READ,
        problem="the answer was cut off by the provider's content filter",
    ),
    Exchange(
        name="stream",
        body=STREAMED,
        response=stream([_part(" sun", None), _part("ny 日本.", "stop"), END]),
        text=" sunny 日本.",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="stream of two",
        body={**STREAMED, "n": 2},
        response=stream([_part(" a", None), _part(" b", "stop", 1), _part(" c", "stop"), END]),
        text=" a c",
        finish="stop",
        figures=READ,
    ),
    Exchange(
        name="stream of two cut in one",
        body={**STREAMED, "n": 2},
        response=stream([_part(" a", None), _part(" b", "stop", 1)], done=False),
        unreadable=True,
        said="was cut",
    ),
    Exchange(
        name="no text",
        body=BODY,
        response=json_answer({"choices": [{}]}),
        unreadable=True,
        said="expected choices",
    ),
    *openai_errors(BODY),
)
