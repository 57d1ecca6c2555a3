"""All dialects, and which of them a request is in."""

from __future__ import annotations

from pytest_lmopt.lm.dialects.anthropic_messages import AnthropicMessages
from pytest_lmopt.lm.dialects.json_bodies import json_object
from pytest_lmopt.lm.dialects.opaque import Free, Opaque
from pytest_lmopt.lm.dialects.openai_chat import OpenAIChat
from pytest_lmopt.lm.dialects.openai_completions import OpenAICompletions
from pytest_lmopt.lm.dialects.openai_embeddings import OpenAIEmbeddings
from pytest_lmopt.lm.dialects.openai_responses import OpenAIResponses
from pytest_lmopt.lm.dialects.protocol import Body, Dialect, HttpRequest

DIALECTS: tuple[Dialect, ...] = (
    OpenAIChat(),
    OpenAIResponses(),
    OpenAIEmbeddings(),
    OpenAICompletions(),
    AnthropicMessages(),
    Free(),
    Opaque(),
)
"""The first that matches counts; the last ones match whatever goes to a known provider."""


def parsed_body(request: HttpRequest) -> Body | None:
    """Parse a request's body; None for what is not a JSON object."""
    return json_object(request.body)


def dialect_of(request: HttpRequest, body: Body | None) -> Dialect | None:
    """Return the dialect of a request, None where it is not a call of a model.

    ``body`` is what ``parsed_body`` returns. A body that is not JSON, such as an upload of a
    sound, is opaque at a known provider.
    """
    return next((each for each in DIALECTS if each.matches(request, body or {})), None)


def dialect_named(name: str) -> Dialect:
    """Return a dialect by its name. Raises ``KeyError`` for an unknown one."""
    return {each.name: each for each in DIALECTS}[name]
