"""A real HTTP server on loopback that speaks the providers' protocols.

It answers OpenAI chat completions, responses and embeddings, and Anthropic messages, whole or
streamed. Answers and token counts are functions of the request. It refuses a malformed request in
the provider's form, and counts by itself: in all, and per example, whose id stands in the prompt.

``python -m doubles.provider_server --port-file FILE`` runs it as a process of its own; ``GET
/counts`` then reads the counts, ``POST /release`` lets held requests go on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import select
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakSet

from doubles.provider_protocols import anthropic, chat, embeddings, responses
from doubles.provider_protocols.answering import BadRequestError, Json, answer

_PROTOCOLS: dict[str, ModuleType] = {
    "/v1/chat/completions": chat,
    "/v1/responses": responses,
    "/v1/embeddings": embeddings,
    "/v1/messages": anthropic,
}
_MODELS = {
    chat: {"gpt-4o-mini"},
    responses: {"gpt-4o-mini"},
    embeddings: {"text-embedding-3-small"},
    anthropic: {"claude-haiku-4-5"},
}
_RATE_LIMIT = {"Retry-After": "0", "retry-after-ms": "1"}

CUT_CONNECTION, CUT_STREAM = 1, 2
"""Numbers of ``fail-`` examples whose connection ends before, or in the middle of, the answer."""


def never(example: str, nth: int) -> bool:
    """Limit no request."""
    return False


def second_step(example: str, nth: int) -> bool:
    """Limit the second request of each row: the first one of its second step."""
    return nth == 2 and example.startswith("row-")


class ProviderServer:
    """Serves until ``running()`` ends; ``url`` is its root, without ``/v1``.

    ``rate_limit(example, nth)`` says whether the example's nth request gets 429. A prompt that
    names ``fail-NNN`` gets the status NNN, or is cut (``CUT_CONNECTION``, ``CUT_STREAM``). Once
    ``hold_after`` requests are answered, later ones wait for ``release()``; those whose client has
    gone by then are not answered. ``latency``, in seconds, passes before each answer.
    """

    def __init__(
        self,
        *,
        rate_limit: Callable[[str, int], bool] = second_step,
        hold_after: int | None = None,
        port: int = 0,
        latency: float = 0.0,
    ) -> None:
        self.rate_limit = rate_limit
        self.hold_after = hold_after
        self.latency = latency
        self.problems: list[str] = []
        self._counts: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._examples: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._bodies: Counter[str] = Counter()
        self._at_once = 0
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._http = _HTTP(("127.0.0.1", port), _handler(self))
        self._http.provider = self
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[ProviderServer]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release()
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def serve(self) -> None:
        """Serve for ever."""
        self._http.serve_forever()

    def release(self) -> None:
        """Let the held requests go on, and hold no more."""
        self.hold_after = None
        self._released.set()

    def counts(self) -> Json:
        """What was counted so far.

        ``tokens`` and the examples' ``input_tokens`` and ``output_tokens`` are those that answers
        reported; ``repeated`` is how many answers were given to bodies answered before.
        """
        with self._lock:
            return {
                **{name: self._counts[name] for name in ("connections", "requests", "answered")},
                **{name: self._counts[name] for name in ("held", "most_at_once")},
                "repeated": sum(self._bodies.values()) - len(self._bodies),
                "statuses": {str(status): n for status, n in sorted(self._statuses.items())},
                "examples": {name: dict(n) for name, n in sorted(self._examples.items())},
                "problems": [*self.problems],
            }

    def connected(self) -> None:
        """Count a connection."""
        with self._lock:
            self._counts["connections"] += 1

    @contextmanager
    def taking(self, example: str) -> Iterator[int]:
        """Count a request while it is answered; yields its number among the example's."""
        with self._lock:
            self._counts["requests"] += 1
            self._examples[example]["requests"] += 1
            nth = self._examples[example]["requests"]
            self._at_once += 1
            self._counts["most_at_once"] = max(self._counts["most_at_once"], self._at_once)
        try:
            yield nth
        finally:
            with self._lock:
                self._at_once -= 1

    def may_answer(self, connection: socket.socket) -> bool:
        """Wait while answers are held; then whether the client is still there."""
        with self._lock:
            answering = self._counts["answering"]
            held = self.hold_after is not None and answering >= self.hold_after
            self._counts["held" if held else "answering"] += 1
        if held:
            self._released.wait()
        poll = select.poll()  # select() takes no more than 1,024 open files
        poll.register(connection, select.POLLIN)
        readable = poll.poll(0)
        return not readable or bool(connection.recv(1, socket.MSG_PEEK))

    def ended(self, status: int, example: str = "", problem: str = "") -> None:
        """Count a status that was sent."""
        with self._lock:
            self._statuses[status] += 1
            self._examples[example][f"status_{status}"] += 1
            if problem:
                self.problems.append(problem)

    def answered(self, example: str, body: bytes, input_tokens: int, output_tokens: int) -> None:
        """Count an answer with the tokens that it reported."""
        with self._lock:
            self._counts["answered"] += 1
            self._bodies[hashlib.sha256(body).hexdigest()] += 1
            counts = self._examples[example]
            counts["answered"] += 1
            counts["input_tokens"] += input_tokens
            counts["output_tokens"] += output_tokens


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    provider: ProviderServer

    def __init__(self, *given: Any) -> None:
        self._connections: WeakSet[socket.socket] = WeakSet()
        super().__init__(*given)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.provider.connected()
        self._connections.add(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        """End the connections that clients keep open, too."""
        super().server_close()
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up: they may."""


def _handler(server: ProviderServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._send(200 if self.path == "/counts" else 404, server.counts())

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/release":
                server.release()
                self._send(200, {})
                return
            protocol = _PROTOCOLS.get(self.path.partition("?")[0])
            example = ""
            try:
                if protocol is None:
                    raise BadRequestError(f"Invalid URL (POST {self.path})", status=404)
                self._check_headers(protocol)
                body = _body(data, protocol)
                asked = protocol.asked(body)
                example = asked.example
            except BadRequestError as refusal:
                with server.taking(example):
                    self._refuse(protocol, refusal, problem=str(refusal))
                return
            except (KeyError, TypeError, ValueError) as mistake:
                problem = f"malformed request: {mistake!r}"
                with server.taking(example):
                    self._refuse(protocol, BadRequestError(problem), problem=problem)
                return
            with server.taking(example) as nth:
                time.sleep(server.latency)
                self._answer(protocol, body, data, asked, nth)

        def _answer(
            self, protocol: ModuleType, body: Json, data: bytes, asked: Any, nth: int
        ) -> None:
            example = asked.example
            fault = int(example[5:]) if example.startswith("fail-") else 0
            if fault == CUT_CONNECTION:
                server.ended(0, example)
                self._hang_up()
            elif fault >= 400:
                refusal = BadRequestError(f"Refused as {example} asks", status=fault)
                self._refuse(protocol, refusal, example)
            elif server.rate_limit(example, nth):
                limited = BadRequestError("Rate limit reached for requests", status=429)
                self._refuse(protocol, limited, example)
            elif not server.may_answer(self.connection):
                self._hang_up()
            else:
                said = answer(asked)
                told = not body.get("stream") or protocol is not chat or chat.streams_usage(body)
                tokens = (said.input_tokens, said.output_tokens) if told else (0, 0)
                if protocol is embeddings:
                    tokens = (said.input_tokens, 0)
                server.ended(200, example)
                server.answered(example, data, *tokens)
                if body.get("stream"):
                    self._stream(protocol.events(body, said), cut=fault == CUT_STREAM)
                else:
                    self._send(200, protocol.whole(body, said))

        def _check_headers(self, protocol: ModuleType) -> None:
            kind = (self.headers.get("Content-Type") or "").partition(";")[0]
            if kind != "application/json":
                raise BadRequestError(f"Content-Type: expected application/json, found {kind!r}")
            bearer = (self.headers.get("Authorization") or "").startswith("Bearer ")
            if protocol is anthropic and not self.headers.get("anthropic-version"):
                raise BadRequestError("anthropic-version: header is required")
            if not (bearer or (protocol is anthropic and self.headers.get("x-api-key"))):
                raise BadRequestError("You didn't provide an API key", status=401)

        def _refuse(
            self,
            protocol: ModuleType | None,
            refusal: BadRequestError,
            example: str = "",
            problem: str = "",
        ) -> None:
            server.ended(refusal.status, example, problem)
            form = anthropic if protocol is anthropic else chat
            headers = _RATE_LIMIT if refusal.status == 429 else {}
            told = form.error(str(refusal), refusal.status, refusal.code)
            self._send(refusal.status, told, headers)

        def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("x-request-id", "req_double")
            self.send_header("request-id", "req_double")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _send(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            length = {"Content-Length": str(len(data))}
            self._head(status, "application/json", {**length, **(headers or {})})
            self.wfile.write(data)

        def _stream(self, events: Iterator[tuple[str, str]], *, cut: bool) -> None:
            chunked = {"Transfer-Encoding": "chunked", "Cache-Control": "no-cache"}
            self._head(200, "text/event-stream; charset=utf-8", chunked)
            for number, (name, told) in enumerate(events):
                if cut and number == 3:
                    self._hang_up()
                    return
                data = (f"event: {name}\n" if name else "") + f"data: {told}\n\n"
                self.wfile.write(f"{len(data.encode()):x}\r\n{data}\r\n".encode())
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def _hang_up(self) -> None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _body(data: bytes, protocol: ModuleType) -> Json:
    try:
        body = json.loads(data)
    except ValueError:
        raise BadRequestError("We could not parse the JSON body of your request") from None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise BadRequestError("you must provide a model parameter")
    if body["model"] not in _MODELS[protocol]:
        raise BadRequestError(f"The model `{body['model']}` does not exist", status=404)
    return body


class ClosedPort:
    """A port without a provider, which counts the connections that somebody tries."""

    def __init__(self, port: int) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self) -> ClosedPort:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port-file", type=Path, required=True, help="its URL is written there")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hold-after", type=int)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--no-rate-limit", action="store_true")
    options = parser.parse_args()
    server = ProviderServer(
        rate_limit=never if options.no_rate_limit else second_step,
        hold_after=options.hold_after,
        port=options.port,
        latency=options.latency,
    )
    unfinished = options.port_file.with_suffix(".unfinished")
    unfinished.write_text(server.url, encoding="utf-8")
    unfinished.replace(options.port_file)
    server.serve()


if __name__ == "__main__":
    main()
