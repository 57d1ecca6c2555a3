"""A model that is a function of the chat, offered to suites by the hook ``pytest_lmopt_lm``.

It has the interface of ``OpenAIServer``, without HTTP: functions say what it answers and which
calls fail, and it counts the requests it sees by itself, independent of any ledger.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_lmopt import LM, Completion, FunctionLM, LmoptError, Request
from pytest_lmopt.testing.simulated_model import Chat

Answer = str | Completion
"""A text, which costs nothing, or a completion with its usage."""


class FunctionModel:
    """A plugin of an inner pytest run that answers ``answer(chat)``, or ``answer_of[model](chat)``.

    ``fault(number of the call, request)`` returns an error to raise instead, or None.
    ``requests`` are those seen, in order of arrival; ``most_at_once`` counts those under way
    together at most. Each also becomes a line of the file ``log``: several processes may share it.
    """

    def __init__(self, answer: Callable[[Chat], Answer], *, log: Path | None = None) -> None:
        self.answer = answer
        self.answer_of: dict[str, Callable[[Chat], Answer]] = {}
        self.fault: Callable[[int, Request], LmoptError | None] = lambda *_: None
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._log = log
        self._at_once = 0
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """How many requests have arrived."""
        return len(self.requests)

    def pytest_lmopt_lm(self) -> LM:
        """Offer the model to a suite."""
        return FunctionLM(self._complete)

    def _complete(self, request: Request) -> Answer:
        with self._taking(request) as number:
            fault = self.fault(number, request)
            if fault is not None:
                raise fault
            return self.answer_of.get(request.model, self.answer)(request.messages)

    @contextmanager
    def _taking(self, request: Request) -> Iterator[int]:
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            number = len(self.requests)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps([request.model, request.messages])}\n")
        try:
            yield number
        finally:
            with self._lock:
                self._at_once -= 1
