"""A server on loopback that answers any bytes, as sound providers don't."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer; its connection ends before the last byte where it is ``cut``."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    location: str = ""
    cut: bool = False


class OddServer:
    """Answers each request's body with ``answer(body)``; ``bodies`` are those seen, in order."""

    def __init__(self, answer: Callable[[bytes], Said]) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator[OddServer]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def _handler(server: OddServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.bodies.append(body)
            said = server.answer(body)
            self.send_response(said.status)
            self.send_header("Content-Type", said.kind)
            if said.location:
                self.send_header("Location", said.location)
            self.send_header("Content-Length", str(len(said.body) + said.cut))
            self.end_headers()
            self.wfile.write(said.body)
            self.close_connection = said.cut

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
