"""A real HTTP server, on loopback unless told otherwise, that speaks the OpenAI chat protocol.

Other protocols are functions of the body, by the end of the path.

What it answers and which calls fail are functions, so that a test knows exactly what a model
would have said: a text, or a message with tool calls, streamed word by word where asked for. It
counts the calls it sees by itself, independent of any ledger.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pytest_lmopt.testing.simulated_model import Chat

Answer = str | dict[str, Any]
"""A text, or the fields of an assistant message."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with a call.


    ``status`` other than 200 sends an HTTP error with the fields of ``error`` in place of an
    answer, in which ``{key}`` stands for the key the client sent, and ``{percent}``, ``{base64}``,
    ``{hex}`` and ``{escaped}`` for forms of it; 0 drops the connection, and -1
    resets it. Else ``body`` makes what is sent of the
    completion, taking ``seconds`` over it; with ``cut`` the connection breaks halfway.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, str] = field(default_factory=lambda: {"message": "fault"})
    body: Callable[[dict[str, Any]], str] = json.dumps
    seconds: float = 0.0
    cut: bool = False


class OpenAIServer:
    """Answers ``answer(chat)``, or ``answer_of[model](chat)``, unless there is a fault.

    A path that ends in one of ``answer_at`` is answered by that function of the whole body.

    ``fault(number of the call)`` or ``fault_of(question, times it was asked)`` returns one.
    ``requests`` are the bodies seen, in order of arrival, and ``most_at_once`` how many it was
    finding answers to together at most; ``url`` is the base URL. Streams end with
    ``streamed_usage`` where it is set.
    """

    def __init__(self, answer: Callable[[Chat], Answer], *, host: str = "127.0.0.1") -> None:
        self.answer = answer
        self.answer_of: dict[str, Callable[[Chat], Answer]] = {}
        self.answer_at: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
        self.fault: Callable[[int], Fault | None] = lambda _: None
        self.fault_of: Callable[[str, int], Fault | None] = lambda *_: None
        self.streamed_usage: Any = None
        self.most_at_once = 0
        self._at_once = 0
        self._asked: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._http = _HTTP((host, 0), self._handler())
        self.url = f"http://{host}:{self._http.server_port}/v1"

    @property
    def calls(self) -> int:
        """How many calls have arrived."""
        return len(self.requests)

    @contextmanager
    def running(self) -> Iterator[OpenAIServer]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def die(self) -> None:
        """Answer nobody any more, as a server whose process was killed."""
        self.fault = lambda _: Fault(status=0)
        self._http.shutdown()
        self._http.server_close()

    @contextmanager
    def _taking(self, body: dict[str, Any]) -> Iterator[Fault | None]:
        question = body["messages"][-1]["content"] if "messages" in body else str(body)
        with self._lock:
            self.requests.append(body)
            self._asked[question] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            number, times = len(self.requests), self._asked[question]
        try:
            yield self.fault(number) or self.fault_of(question, times)
        finally:
            with self._lock:
                self._at_once -= 1

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - self is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._taking(body) as found:
                    fault = found or Fault()
                    answer = server.answer_of.get(body["model"], server.answer)
                    told = self._told(body, answer) if fault.status == 200 else {}
                # who has the whole answer may ask again at once: that is no longer together
                if fault.status <= 0:
                    self._hang_up(reset=fault.status < 0)
                elif fault.status != 200:
                    said = json.dumps({"error": fault.error})
                    for name, form in _forms(self._key()).items():
                        said = said.replace(f"{{{name}}}", json.dumps(form)[1:-1])
                    self._send(said, fault)
                elif body.get("stream"):
                    self._stream(told)
                else:
                    self._send(fault.body(told), fault)

            def _told(
                self, body: dict[str, Any], answer: Callable[[Chat], Answer]
            ) -> dict[str, Any]:
                ends = [end for end in server.answer_at if self.path.endswith(end)]
                return server.answer_at[ends[0]](body) if ends else _completion(body, answer)

            def _key(self) -> str:
                named = (self.headers.get(name) for name in ("X-Api-Key", "Authorization"))
                return next(filter(None, named), "").rpartition(" ")[2]

            def _send(self, body: str, fault: Fault) -> None:
                data = body.encode()
                self.send_response(fault.status)
                for name, value in fault.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if fault.cut:
                    self.wfile.write(data[: len(data) // 2])
                    self._hang_up()
                elif fault.seconds:
                    for byte in data:
                        self.wfile.write(bytes([byte]))
                        time.sleep(fault.seconds / len(data))
                else:
                    self.wfile.write(data)

            def _hang_up(self, *, reset: bool = False) -> None:
                self.close_connection = True
                if not reset:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                now = struct.pack("ii", 1, 0)  # closing discards what is unsent, and says so
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
                for part in (self.rfile, self.wfile, self.connection):
                    part.close()

            def _stream(self, completion: dict[str, Any]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                chunks = [*_chunks(completion)]
                if server.streamed_usage is not None:
                    chunks.append({**chunks[-1], "choices": [], "usage": server.streamed_usage})
                for chunk in (*map(json.dumps, chunks), "[DONE]"):
                    self.wfile.write(f"data: {chunk}\n\n".encode())
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up: they may."""


def _chunks(completion: dict[str, Any]) -> Iterator[dict[str, Any]]:
    (choice,) = completion["choices"]
    message = choice["message"]
    calls = [{"index": i, **call} for i, call in enumerate(message.get("tool_calls") or ())]
    words = re.findall(r"\S+\s*", message["content"] or "")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in words] + [{"tool_calls": [call]} for call in calls]
    for delta in (*deltas, {}):
        finish = None if delta else choice["finish_reason"]
        yield {
            **{name: completion[name] for name in ("id", "created", "model")},
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }


def _completion(body: dict[str, Any], answer: Callable[[Chat], Answer]) -> dict[str, Any]:
    chat = [(message["role"], _text(message.get("content"))) for message in body["messages"]]
    given = answer(chat)
    message = {"content": given} if isinstance(given, str) else {"content": None, **given}
    asked = sum(len(content.split()) for _, content in chat)
    told = len(str(message["content"] or "").split())
    return {
        "id": "simulated",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
                "message": {"role": "assistant", **message},
            }
        ],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": told,
            "total_tokens": asked + told,
        },
    }


def _forms(key: str) -> dict[str, str]:
    return {
        "key": key,
        "percent": "".join(f"%{byte:02x}" for byte in key.encode()),
        "base64": base64.b64encode(f"user:{key}".encode()).decode(),
        "hex": key.encode().hex().upper(),
        "escaped": "".join(f"\\u{ord(char):04x}" for char in key),
    }


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
