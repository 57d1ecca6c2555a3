"""A small HTTP server that speaks the OpenAI chat protocol, and counts.

It keeps connections open and answers each request at once, in the order of arrival, on a thread
of its own. For every last step it notes the exact accuracy of the prompts that were asked: that is
how an adopted program's true score is read off, whatever made it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from parity.examples import PROBE
from parity.proposer import Proposer
from parity.tasks import Rates
from parity.world import Messages, World


@dataclass(kw_only=True)
class Counts:
    """What a server has seen: calls, those of them to the proposer, and what prompts were worth.

    ``best`` are (calls so far, true score) each time a better prompt than any before was tried;
    ``last`` is what the last step asked most recently was worth, ``prompts`` its fingerprint.
    """

    calls: int = 0
    proposer_calls: int = 0
    best: list[tuple[int, float]] = field(default_factory=list)
    last: Rates | None = None
    prompts: str = ""


class Server:
    """Serves one world on loopback; ``port`` is where."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts = Counts()
        self.port = 0
        self._proposer = Proposer(world)

    def replies(self, messages: Messages, n: int = 1) -> list[str]:
        """Answer a request, and count it."""
        self.counts.calls += 1
        asked = self.world.asked(messages)
        if asked is None:
            self.counts.proposer_calls += 1
            return self._proposer.replies(messages, n)
        seen = self.world.seen(asked.step, messages)
        fingerprint = fingerprint_of(messages)
        if asked.step + 1 == self.world.task.steps:
            self._note(self.world.rates(asked, seen), f"{asked.print}/{fingerprint}")
        reply = self.world.reply(asked, seen, fingerprint)
        return [in_field(reply, messages[-1]["content"])] * n

    def worth(self, ask: Callable[[int], str]) -> tuple[float, str]:
        """A program's true score, and its prompts' fingerprint; ``ask`` runs it on an item."""
        ask(PROBE)
        assert self.counts.last is not None
        return self.counts.last.mean, self.counts.prompts

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Serve until the block ends."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        serving = loop.run_until_complete(
            loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        )
        self.port = serving.sockets[0].getsockname()[1]
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(serving.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _note(self, rates: Rates, prompts: str) -> None:
        counts = self.counts
        counts.last, counts.prompts = rates, prompts
        if not counts.best or rates.mean > counts.best[-1][1] + 1e-9:
            counts.best.append((counts.calls, rates.mean))


def fingerprint_of(messages: Messages) -> str:
    """Of a prompt: all messages but the question."""
    shown = "\x00".join(message["content"] for message in messages[:-1])
    return hashlib.sha256(shown.encode()).hexdigest()


def in_field(reply: str, question: str) -> str:
    """A reply as DSPy's markers want it, where a question asks for them; else the reply."""
    wanted = re.search(r"starting with the field `(\[\[ ## \w+ ## \]\])`", question)
    return f"{wanted[1]}\n{reply}\n\n[[ ## completed ## ]]" if wanted else reply


class _Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            head = self._came[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._came) < end + 4 + length:
                return
            body, self._came = self._came[end + 4 :][:length], self._came[end + 4 + length :]
            self._transport.write(_response(self._server, json.loads(body)))


def _response(server: Server, body: dict[str, Any]) -> bytes:
    texts = server.replies(body["messages"], int(body.get("n") or 1))
    asked = sum(len(message["content"].split()) for message in body["messages"])
    told = sum(len(text.split()) for text in texts)
    choices = [
        {
            "index": index,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text},
        }
        for index, text in enumerate(texts)
    ]
    payload = json.dumps(
        {
            "id": "simulated",
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model", "simulated"),
            "choices": choices,
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": told,
                "total_tokens": asked + told,
            },
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}"
    return f"{head}\r\n\r\n".encode() + payload
