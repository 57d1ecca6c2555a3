"""A real HTTP server on loopback that speaks the OpenAI chat protocol.

What it answers and which calls fail are functions, so that a test knows exactly what a model
would have said. It counts the calls it sees by itself, independent of any ledger.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from doubles.simulated_model import Chat


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An HTTP error in place of an answer; status 0 drops the connection.

    ``message`` stands in the body; what it says of ``{key}`` is the key the client sent.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "fault"


class OpenAIServer:
    """Answers ``answer(chat)``, unless ``fault(number of the call)`` returns a fault.

    ``requests`` are the bodies seen, in order of arrival; ``url`` is the base URL.
    """

    def __init__(self, answer: Callable[[Chat], str]) -> None:
        self.answer = answer
        self.fault: Callable[[int], Fault | None] = lambda _: None
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def calls(self) -> int:
        """How many calls have arrived."""
        return len(self.requests)

    @contextmanager
    def running(self) -> Iterator[OpenAIServer]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def _take(self, body: dict[str, Any]) -> Fault | None:
        with self._lock:
            self.requests.append(body)
            return self.fault(len(self.requests))

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - self is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fault = server._take(body)
                if fault is not None and fault.status == 0:
                    self.close_connection = True
                    self.connection.close()
                elif fault is not None:
                    key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                    said = {"error": {"message": fault.message.replace("{key}", key)}}
                    self._send(fault.status, said, fault.headers)
                else:
                    self._send(200, _completion(body, server.answer), {})

            def _send(self, status: int, body: object, headers: dict[str, str]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


def _completion(body: dict[str, Any], answer: Callable[[Chat], str]) -> dict[str, Any]:
    chat = [(message["role"], message["content"]) for message in body["messages"]]
    text = answer(chat)
    asked, told = sum(len(content.split()) for _, content in chat), len(text.split())
    return {
        "id": "simulated",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": told,
            "total_tokens": asked + told,
        },
    }
