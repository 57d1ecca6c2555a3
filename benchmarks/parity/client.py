"""Posting to the server over one open connection per thread, with as little CPU as can be."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any


class Client:
    """A chat client on loopback."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own = threading.local()

    def chat(self, messages: Sequence[Mapping[str, Any]], *, n: int = 1) -> dict[str, Any]:
        """Ask, wait, and return the completion as the server wrote it."""
        body = json.dumps({"model": "simulated", "messages": list(messages), "n": n}).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = self._connection()
        connection.sendall(head.encode() + body)
        came = b""
        while True:
            came += connection.recv(65536)
            top, found, rest = came.partition(b"\r\n\r\n")
            if found and len(rest) >= int(top.rpartition(b"Content-Length: ")[2]):
                completion: dict[str, Any] = json.loads(rest)
                return completion

    def _connection(self) -> socket.socket:
        if not hasattr(self._own, "socket"):
            self._own.socket = socket.create_connection(("127.0.0.1", self._port))
            self._own.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection: socket.socket = self._own.socket
        return connection
