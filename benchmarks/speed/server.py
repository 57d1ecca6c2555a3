"""A server that speaks the OpenAI chat protocol, answers yes after a while, and counts.

    python server.py LATENCY_IN_SECONDS

Prints its port, and serves until its input ends. It runs in a process of its own: what a harness
takes is then the harness's. ``GET /seen`` returns what was counted since the last such request.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

DSPY_FORM = b"[[ ## answer ## ]]"
MIDDLE = (0.1, 0.9)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Requests, connections, most requests at once, and requests a second in their middle 80 %."""

    requests: int
    connections: int
    most_at_once: int
    steady_rate: float


@dataclass
class Counts:
    """Arrivals since the last reset, in the loop's seconds, and what is being answered."""

    arrivals: list[float] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0

    def taken(self) -> dict[str, float]:
        """Return the fields of ``Seen`` and begin again."""
        seen = {
            "requests": len(self.arrivals),
            "connections": self.connections,
            "most_at_once": self.most_at_once,
            "steady_rate": steady_rate(self.arrivals),
        }
        self.arrivals, self.connections, self.most_at_once = [], 0, 0
        return seen


def steady_rate(arrivals: list[float]) -> float:
    """Arrivals a second without the first and last tenth; 0 for fewer than 50."""
    first, last = (int(share * (len(arrivals) - 1)) for share in MIDDLE)
    if len(arrivals) < 50 or arrivals[last] == arrivals[first]:
        return 0.0
    return (last - first) / (arrivals[last] - arrivals[first])


class Connection(asyncio.Protocol):
    """One client's connection, kept open."""

    def __init__(self, counts: Counts, latency: float) -> None:
        self._counts = counts
        self._latency = latency
        self._came = b""
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come whole."""
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            head = self._came[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._came) < end + 4 + length:
                return
            body, self._came = self._came[end + 4 :][:length], self._came[end + 4 + length :]
            if head.startswith(b"get /seen"):
                self._send(json.dumps(self._counts.taken()).encode())
            else:
                self._count()
                answer = IN_FORM if DSPY_FORM in body else YES
                loop = asyncio.get_running_loop()
                loop.call_later(self._latency, self._answer, answer)

    def _count(self) -> None:
        counts = self._counts
        counts.arrivals.append(asyncio.get_running_loop().time())
        counts.connections += not self._counted
        self._counted = True
        counts.at_once += 1
        counts.most_at_once = max(counts.most_at_once, counts.at_once)

    def _answer(self, body: bytes) -> None:
        self._counts.at_once -= 1
        self._send(body)

    def _send(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        if not self._transport.is_closing():
            self._transport.write(f"{head}\r\n\r\n".encode() + body)


def _completion(content: str) -> bytes:
    message = {"role": "assistant", "content": content}
    completion = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "none",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5},
    }
    return json.dumps(completion).encode()


YES = _completion("yes")
IN_FORM = _completion(f"{DSPY_FORM.decode()}\nyes\n\n[[ ## completed ## ]]")


class Serving:
    """A running server: its base ``url``, and what it has ``seen`` since it was last asked."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self.url = f"{self._root}/v1"

    def seen(self) -> Seen:
        """Return what was counted, and count anew."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self._root}/seen", timeout=10) as answer:
            return Seen(**json.load(answer))


@contextmanager
def serving(latency: float) -> Iterator[Serving]:
    """Run a server that answers after ``latency`` seconds until the block ends."""
    command = [sys.executable, "-S", __file__, str(latency)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Serving(int(process.stdout.readline()))
        finally:
            process.stdin.close()


async def serve(latency: float) -> None:
    """Serve until the standard input ends."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(counts, latency), "127.0.0.1", 0, backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
