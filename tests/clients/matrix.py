"""The matrix client × condition: filled by a few clients at a time, and shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from clients.conditions import CONDITIONS, ON_A_CLUSTER, assess, conditions_of
from clients.registry import Client

AT_ONCE = int(os.environ.get("LMOPT_CLIENTS_AT_ONCE", "2"))

Results = Mapping[str, str]
"""What is wrong with each condition; an empty text where it is met."""


class Matrix:
    """Assesses clients on threads, in the order they are named."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._futures: dict[Client, Future[dict[str, str]]] = {
            client: self._pool.submit(assess, client) for client in clients
        }

    def results(self, client: Client) -> Results:
        """Wait for a client's results."""
        return self._futures[client].result()

    def filled(self) -> dict[Client, Results]:
        """The results of the clients that were assessed to their end."""
        return {
            client: future.result()
            for client, future in self._futures.items()
            if future.done() and not future.cancelled() and future.exception() is None
        }

    def close(self) -> None:
        """Begin no further client."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def passed(filled: Mapping[Client, Results]) -> int:
    """How many cells are met."""
    return sum(not problem for results in filled.values() for problem in results.values())


def cells(clients: Iterable[Client]) -> int:
    """How many cells there are."""
    return sum(len(conditions_of(client)) for client in clients)


def table(filled: Mapping[Client, Results]) -> list[str]:
    """The matrix as lines: a client each."""
    columns = (*CONDITIONS, ON_A_CLUSTER)
    marks = {None: "", "": "ok"}
    lines = [f"{'client':30} " + " ".join(f"{name:8}" for name in columns)]
    for client, results in filled.items():
        found = (marks.get(results.get(name), "FAILED") for name in columns)
        lines.append(f"{client.name:30} " + " ".join(f"{mark:8}" for mark in found))
    return [line.rstrip() for line in lines]
