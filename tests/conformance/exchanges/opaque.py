"""Exchanges whose content is not understood: only the usage is read."""

from __future__ import annotations

from conformance.exchanges.exchange import Exchange, json_answer, openai_errors, stream

from pytest_lmopt.errors import ModelError, RefusedError, TransientError
from pytest_lmopt.lm.dialects.protocol import HttpResponse

BODY = {"contents": [{"parts": [{"text": "Weather in Rome?"}]}]}
_GEMINI = {"promptTokenCount": 9, "candidatesTokenCount": 12, "totalTokenCount": 21}

EXCHANGES = (
    Exchange(
        name="Gemini",
        body=BODY,
        response=json_answer({"usageMetadata": _GEMINI}),
        figures=(9, 12, None, None, None),
    ),
    Exchange(
        name="Gemini with thoughts and a cache",
        body=BODY,
        response=json_answer(
            {
                "usageMetadata": {
                    **_GEMINI,
                    "thoughtsTokenCount": 5,
                    "cachedContentTokenCount": 8,
                    "totalTokenCount": 26,
                }
            }
        ),
        figures=(9, 17, 8, 5, None),
    ),
    Exchange(
        name="Gemini's stream",
        body=BODY,
        response=stream(
            [
                {"usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}},
                {"usageMetadata": _GEMINI},
            ],
            done=False,
        ),
        figures=(9, 12, None, None, None),
    ),
    Exchange(
        name="Bedrock",
        body={"messages": []},
        response=json_answer({"usage": {"inputTokens": 9, "outputTokens": 12, "totalTokens": 21}}),
        figures=(9, 12, None, None, None),
    ),
    Exchange(
        name="Bedrock with a cache",
        body={"messages": []},
        response=json_answer(
            {
                "usage": {
                    "inputTokens": 9,
                    "outputTokens": 12,
                    "cacheReadInputTokens": 100,
                    "cacheWriteInputTokens": 20,
                    "totalTokens": 141,
                }
            }
        ),
        figures=(129, 12, 100, None, 20),
    ),
    Exchange(
        name="Bedrock's headers",
        body={"messages": []},
        response=json_answer(
            {"completion": "x"},
            headers={
                "x-amzn-bedrock-input-token-count": "9",
                "x-amzn-bedrock-output-token-count": "12",
            },
        ),
        figures=(9, 12, None, None, None),
    ),
    Exchange(
        name="Gemini with tools of its own",
        body=BODY,
        response=json_answer(
            {
                "usageMetadata": {
                    **_GEMINI,
                    "toolUsePromptTokenCount": 50,
                    "totalTokenCount": 71,
                }
            }
        ),
        figures=(59, 12, None, None, None),
    ),
    Exchange(
        name="Cohere",
        body={"message": "x"},
        response=json_answer({"usage": {"tokens": {"input_tokens": 9, "output_tokens": 12}}}),
        figures=(9, 12, None, None, None),
    ),
    Exchange(
        name="Cohere's billed units",
        body={"message": "x"},
        response=json_answer({"meta": {"billed_units": {"input_tokens": 9}}}),
        figures=(9, 0, None, None, None),
    ),
    Exchange(
        name="OpenAI's images",
        body={"prompt": "x", "model": "gpt-image-1"},
        response=json_answer({"usage": {"input_tokens": 9, "output_tokens": 12}}),
        figures=(9, 12, None, None, None),
    ),
    Exchange(
        name="a sound",
        body={"input": "x", "model": "tts-1"},
        response=HttpResponse(status=200, headers={"content-type": "audio/mpeg"}, body=b"\xff\xfb"),
        odd=("usage missing",),
    ),
    Exchange(
        name="odd usage",
        body=BODY,
        response=json_answer({"usageMetadata": {"promptTokenCount": 2.5}}),
        figures=(2.5, None, None, None, None),
        odd=("promptTokenCount 2.5",),
    ),
    Exchange(
        name="Gemini's rate limit",
        body=BODY,
        response=json_answer(
            {"error": {"code": 429, "message": "Resource exhausted", "status": "X"}}, 429
        ),
        error=TransientError,
        said="Resource exhausted",
        rate_limited=True,
    ),
    Exchange(
        name="Bedrock's validation",
        body=BODY,
        response=json_answer({"message": "Malformed input request"}, 400),
        error=RefusedError,
        said="Malformed input request",
    ),
    Exchange(
        name="a page",
        body=BODY,
        response=HttpResponse(status=502, headers={}, body=b"<html>Bad gateway</html>"),
        error=TransientError,
        said="Bad gateway",
    ),
    Exchange(
        name="Bedrock's access",
        body=BODY,
        response=json_answer({"Message": "User is not authorized"}, 403),
        error=ModelError,
        said="User is not authorized",
    ),
    *openai_errors(BODY),
)
