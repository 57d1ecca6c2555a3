"""Every dialect passes the conformance class."""

from __future__ import annotations

from typing import ClassVar

from conformance.dialect_conformance import DialectConformance
from conformance.exchanges import (
    anthropic_messages,
    opaque,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_responses,
)


class TestOpenAIChat(DialectConformance):
    """OpenAI's chat."""

    name: ClassVar = "openai.chat"
    url: ClassVar = "https://api.openai.com/v1/chat/completions"
    model: ClassVar = "gpt-4o"
    exchanges: ClassVar = openai_chat.EXCHANGES


class TestOpenAIResponses(DialectConformance):
    """OpenAI's responses."""

    name: ClassVar = "openai.responses"
    url: ClassVar = "https://api.openai.com/v1/responses"
    model: ClassVar = "gpt-4o"
    exchanges: ClassVar = openai_responses.EXCHANGES


class TestOpenAIEmbeddings(DialectConformance):
    """OpenAI's embeddings."""

    name: ClassVar = "openai.embeddings"
    url: ClassVar = "http://localhost:8000/v1/embeddings"
    model: ClassVar = "text-embedding-3-small"
    exchanges: ClassVar = openai_embeddings.EXCHANGES


class TestOpenAICompletions(DialectConformance):
    """OpenAI's legacy completions."""

    name: ClassVar = "openai.completions"
    url: ClassVar = "http://localhost:8000/v1/completions"
    model: ClassVar = "gpt-3.5-turbo-instruct"
    exchanges: ClassVar = openai_completions.EXCHANGES


class TestAnthropicMessages(DialectConformance):
    """Anthropic's messages."""

    name: ClassVar = "anthropic.messages"
    url: ClassVar = "https://api.anthropic.com/v1/messages"
    model: ClassVar = "claude-sonnet-4-5"
    exchanges: ClassVar = anthropic_messages.EXCHANGES


class TestOpaque(DialectConformance):
    """Any other request to a known provider."""

    name: ClassVar = "opaque"
    url: ClassVar = (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro:generateContent"
    )
    model: ClassVar = "gemini-3-pro"
    exchanges: ClassVar = opaque.EXCHANGES
