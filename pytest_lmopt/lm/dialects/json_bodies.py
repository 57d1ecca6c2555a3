"""Bodies as JSON objects: of requests, responses and events, and fields of any kind in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lmopt.lm.dialects.events import Event, events
from pytest_lmopt.lm.dialects.protocol import HttpResponse

CUT = "the stream was cut: expected its end mark, found the end of the body"


def json_object(data: bytes | str) -> dict[str, Any] | None:
    """Parse a JSON object; None for anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def answered_object(response: HttpResponse) -> dict[str, Any]:
    """Parse a response that is a JSON object and no error. Raises ``ValueError`` for others."""
    found = json_object(response.body)
    if found is None:
        raise ValueError("the answer is not JSON: expected an object")
    raise_reported(found)
    return found


def event_objects(response: HttpResponse) -> Iterator[tuple[Event, dict[str, Any]]]:
    """Parse each event of a stream up to ``[DONE]``, which is an object without fields.

    Raises ``ValueError`` for an event that is not an object, or reports an error.
    """
    for event in events(response.body):
        if event.data == "[DONE]":
            yield event, {}
            return
        found = json_object(event.data)
        if found is None:
            raise ValueError(f"{CUT}, or an event that is not JSON")
        if event.name == "error" or found.get("type") == "error":
            raise ValueError(f"the stream reports an error: {error_words(found)}")
        raise_reported(found)
        yield event, found


def raise_reported(found: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` where a provider reports an error with status 200."""
    if found.get("error"):
        raise ValueError(f"the provider reports an error: {error_words(found)}")


def error_words(found: Mapping[str, Any]) -> str:
    """Find a provider's words in the body of an error."""
    for holder in (mapping(found.get("error")), found):
        for name in ("message", "detail", "Message", "msg", "error"):
            value = holder.get(name)
            if isinstance(value, str) and value:
                return value
    return ""


def mapping(value: object) -> Mapping[str, Any]:
    """Return a value that is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects in a list; none where the value is not a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a value that is text, else nothing."""
    return value if isinstance(value, str) else ""


def answered_text(content: object) -> str:
    """Return the text of an answer, be it text or parts; thoughts are not part of it."""
    return text(content) or "".join(text(part.get("text")) for part in objects(content))


def compact(value: object) -> str:
    """Spell JSON without spaces, in ASCII: half a surrogate pair has no other spelling."""
    return json.dumps(value, separators=(",", ":"))


def json_response(value: object, *, status: int = 200, **headers: str) -> HttpResponse:
    """Make a response of JSON; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(
        status=status,
        headers={"content-type": "application/json", **named},
        body=compact(value).encode(),
    )


def refused(value: object) -> HttpResponse:
    """Make a response that no SDK retries."""
    return json_response(value, status=403, x_should_retry="false")


def stream_response(sent: list[Event]) -> HttpResponse:
    """Make a response of events."""
    return HttpResponse(
        status=200,
        headers={"content-type": "text/event-stream; charset=utf-8"},
        body=b"".join(event.spelt() for event in sent),
    )
