"""OpenAI embeddings: numbers, or base64 where the request asks for it."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator

from doubles.provider_protocols.answering import Asked, Json, Said, expect, known, names

_FIELDS = names("model input encoding_format dimensions user")
_DIMENSIONS = 8


def asked(body: Json) -> Asked:
    """Check the body and read what it asks."""
    known(body, _FIELDS)
    expect(body.get("encoding_format", "float") in ("float", "base64"), "encoding_format: unknown")
    texts = _inputs(body)
    expect(texts, "input: expected text")
    return Asked(texts=tuple(texts))


def _inputs(body: Json) -> list[str]:
    given = body.get("input")
    inputs = [given] if isinstance(given, str) else given
    expect(isinstance(inputs, list), "input: expected a text or a list")
    assert isinstance(inputs, list)
    if inputs and isinstance(inputs[0], int):
        inputs = [inputs]
    return [text if isinstance(text, str) else " ".join(map(str, text)) for text in inputs]


def vector(text: str) -> list[float]:
    """The text's embedding: fixed numbers of length 1 that a float of 32 bits can hold."""
    parts = [byte - 127.5 for byte in hashlib.sha256(text.encode()).digest()[:_DIMENSIONS]]
    length = sum(part * part for part in parts) ** 0.5
    packed = struct.pack(f"<{_DIMENSIONS}f", *(part / length for part in parts))
    return list(struct.unpack(f"<{_DIMENSIONS}f", packed))


def whole(body: Json, said: Said) -> Json:
    """The answer as one object."""
    data = []
    for index, text in enumerate(_inputs(body)):
        numbers = vector(text)
        packed = base64.b64encode(struct.pack(f"<{_DIMENSIONS}f", *numbers)).decode()
        shown = packed if body.get("encoding_format") == "base64" else numbers
        data.append({"object": "embedding", "index": index, "embedding": shown})
    usage = {"prompt_tokens": said.input_tokens, "total_tokens": said.input_tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def events(body: Json, said: Said) -> Iterator[tuple[str, str]]:
    """Refuse: embeddings have no stream."""
    raise NotImplementedError
