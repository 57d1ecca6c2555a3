"""Exchanges in OpenAI's embeddings."""

from __future__ import annotations

from typing import Any

from conformance.exchanges.exchange import Exchange, json_answer, openai_errors

from pytest_lmopt.lm.dialects.protocol import HttpResponse

BODY: dict[str, Any] = {"model": "text-embedding-3-small", "input": "Rome"}
DATA = [{"object": "embedding", "index": 0, "embedding": [0.1, -0.2]}]


def _answer(usage: object, data: object = DATA) -> HttpResponse:
    return json_answer({"object": "list", "data": data, "model": "m", "usage": usage})


EXCHANGES = (
    Exchange(
        name="one text",
        body=BODY,
        response=_answer({"prompt_tokens": 2, "total_tokens": 2}),
        figures=(2, 0, None, None, None),
    ),
    Exchange(
        name="two texts",
        body={**BODY, "input": ["Rome", "Oslo"]},
        response=_answer({"prompt_tokens": 4, "total_tokens": 4}, DATA * 2),
        figures=(4, 0, None, None, None),
    ),
    Exchange(
        name="base64",
        body={**BODY, "encoding_format": "base64"},
        response=_answer(
            {"prompt_tokens": 2, "total_tokens": 2}, [{**DATA[0], "embedding": "zczMPQ=="}]
        ),
        figures=(2, 0, None, None, None),
    ),
    Exchange(
        name="no usage",
        body=BODY,
        response=_answer(None),
        figures=(None, 0, None, None, None),
        odd=("prompt_tokens missing",),
    ),
    Exchange(
        name="no data",
        body=BODY,
        response=json_answer({"object": "list"}),
        unreadable=True,
        said="expected a list",
    ),
    *openai_errors(BODY),
)
