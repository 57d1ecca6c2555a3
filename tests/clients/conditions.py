"""The conditions that every client meets, each checked against the server's own counts."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clients.project import BUDGET, FAILING, MICRO_USD, ROWS, Project, Ran, Transcript
from clients.registry import LEADING, Client
from doubles.meeting import wait_until
from doubles.provider_server import ClosedPort, ProviderServer

CONDITIONS = ("ledger", "replay", "budget", "kill", "fidelity", "workers")
ON_A_CLUSTER = "cluster"
LATENCY = 0.01
"""Seconds before each answer, so that runs meet at the server."""

HELD_AFTER = 30
SESSION = "--lm-budget=calls:1000,tokens:10000000,usd:100"


def conditions_of(client: Client) -> tuple[str, ...]:
    """The conditions that a client must meet."""
    return (*CONDITIONS, ON_A_CLUSTER) if client == LEADING else CONDITIONS


def assess(client: Client, folder: Path | None = None) -> dict[str, str]:
    """What is wrong with each condition: an empty text where it is met."""
    if folder is not None:
        return Assessment(Project(client, folder)).results()
    with tempfile.TemporaryDirectory(prefix="client-") as made:
        return Assessment(Project(client, Path(made))).results()


class Assessment:
    """One client's way through the conditions; a cold run serves several of them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._cold: Ran | None = None
        self._failing: Transcript = {}

    def results(self) -> dict[str, str]:
        """What is wrong with each condition; each is tried, whatever became of the others."""
        steps: dict[str, Callable[[], None]] = {
            "ledger": self.ledger,
            "replay": self.replay,
            "budget": self.budget,
            "kill": self.kill,
            "fidelity": self.fidelity,
            "workers": self.workers,
            ON_A_CLUSTER: self.cluster,
        }
        return {name: _problem(steps[name]) for name in conditions_of(self._project.client)}

    def ledger(self) -> None:
        """Cold: calls, tokens and price are the server's, in all and for each example."""
        self._project.forget()
        with self._serving() as server:
            self._port = server.port
            self._cold = self._project.run(server.url, "test_rows", SESSION)
            _same_as_server(self._cold, server.counts())

    def replay(self) -> None:
        """With the server stopped: green, the same scores and texts, and no connection."""
        cold = self._of_cold()
        with ClosedPort(self._port) as port:
            url = f"http://127.0.0.1:{self._port}"
            replayed = self._project.run(url, "test_rows", "--lm-cache=replay")
            connections = port.connections
        _expect(connections == 0, f"{connections} connections while replaying")
        _green(replayed)
        _equal(replayed.scores, cold.scores, "scores of the replay and of the cold run")
        _same_transcript(replayed.transcript, cold.transcript, "the replay", "the cold run")

    def budget(self) -> None:
        """The server sees no call beyond the budget, also where the pipeline catches all."""
        with self._serving() as server:
            tests = "test_budget or test_refused or test_denied"
            ran = self._project.run(server.url, tests)
            counts = server.counts()
        self._failing = {row: ran.transcript.get(row, []) for row in FAILING}
        for function, hundred in (("test_budget", "1"), ("test_budget_caught", "2")):
            seen = sum(
                example["requests"]
                for name, example in counts["examples"].items()
                if name.startswith(f"row-{hundred}")
            )
            suite = ran.suite(function)
            _expect(seen <= BUDGET, f"{function}: the server saw {seen} of {BUDGET} requests")
            found = f"{suite['status']}: {suite['problem']}"
            _expect(suite["status"] == "budget-stopped", f"{function}: {found}")
            charged = {entry["kind"]: entry["amount"] for entry in suite["charged"]}
            # it may see fewer: the stop cancels calls that are charged and about to be sent
            _expect(
                seen <= charged["calls"] <= BUDGET, f"{function}: charged {charged}, seen {seen}"
            )

    def kill(self) -> None:
        """Killed in the middle and run again, it asks only for what is not recorded."""
        self._project.forget()
        with self._serving(hold_after=HELD_AFTER) as server:
            process = self._project.start(server.url, "test_rows")
            try:
                wait_until(lambda: _is_held(server) or process.poll() is not None)
                ended = process.poll()
            finally:
                process.kill()
                said, _ = process.communicate()
            _expect(ended is None, f"it ended before it was killed:\n{said[-3000:]}")
            server.release()
            before = server.counts()["answered"]
            recorded = self._project.recorded()
            ran = self._project.run(server.url, "test_rows")
            counts = server.counts()
        _green(ran)
        _expect(0 < recorded <= before, f"{recorded} of {before} answers were recorded at the kill")
        needed = counts["answered"] - counts["repeated"] - recorded
        asked = counts["answered"] - before
        _expect(asked == needed, f"asked for {asked} answers again or anew, needed {needed}")
        _equal(ran.scores, self._of_cold().scores, "scores after the kill and of the cold run")

    def fidelity(self) -> None:
        """The pipeline receives what it receives without the plugin, its errors included."""
        cold = self._of_cold()
        with self._serving() as server:
            plain = self._project.plainly(server.url, *ROWS, *FAILING)
            problems = server.counts()["problems"]
        _equal(problems, [], "problems of the pipeline alone")
        rows = {row: plain.get(row, []) for row in ROWS}
        _expect(all(rows.values()), "the pipeline alone noted nothing for some rows")
        _same_transcript(cold.transcript, rows, "the cold run", "the pipeline alone")
        failing = {row: plain.get(row, []) for row in FAILING}
        raised = all("raised" in received for rows in failing.values() for received in rows)
        _expect(raised and all(failing.values()), "the pipeline alone raised no error")
        _same_transcript(self._failing, failing, "the suite", "the pipeline alone")

    def workers(self) -> None:
        """Two worker processes give the same."""
        self._elsewhere("-n", "2")

    def cluster(self) -> None:
        """A Dask cluster gives the same."""
        self._project.forget()
        with self._serving() as server, self._project.cluster(server.url) as address:
            ran = self._project.run(server.url, "test_rows", SESSION, f"--lm-executor={address}")
            counts = server.counts()
        _same_as_server(ran, counts)
        _equal(ran.scores, self._of_cold().scores, "scores on the cluster and of the cold run")

    def _elsewhere(self, *options: str) -> None:
        cold = self._of_cold()
        self._project.forget()
        with self._serving() as server:
            ran = self._project.run(server.url, "test_rows", SESSION, *options)
            counts = server.counts()
        _same_as_server(ran, counts)
        _equal(ran.scores, cold.scores, f"scores with {' '.join(options)} and of the cold run")
        _same_transcript(ran.transcript, cold.transcript, " ".join(options), "the cold run")

    def _of_cold(self) -> Ran:
        assert self._cold is not None, "there is no cold run to compare with"
        return self._cold

    @contextmanager
    def _serving(self, *, hold_after: int | None = None) -> Iterator[ProviderServer]:
        with ProviderServer(latency=LATENCY, hold_after=hold_after).running() as server:
            yield server


def _is_held(server: ProviderServer) -> bool:
    return bool(server.counts()["held"])


def _problem(step: Callable[[], None]) -> str:
    try:
        step()
    except AssertionError as error:
        return str(error) or "an assertion failed"
    except Exception:
        return traceback.format_exc()
    return ""


def _expect(condition: object, problem: str) -> None:
    if not condition:
        raise AssertionError(problem)


def _equal(found: Any, expected: Any, named: str) -> None:
    _expect(found == expected, f"{named}: expected {expected}, found {found}")


def _green(ran: Ran) -> None:
    suite = ran.suite("test_rows")
    named = f"exit status {ran.status}, {suite['status']}: {suite['problem']}"
    _expect(ran.status == 0 and suite["status"] == "passed", f"{named}\n{ran.said[-3000:]}")
    endings = {run["ending"] for row in suite["examples"] for run in row["runs"]}
    _equal(endings, {"returned"}, "endings of runs")
    _equal({row["id"] for row in suite["examples"]}, {*ROWS}, "examples")
    scores = {row["score"] for row in suite["examples"]}
    _equal(scores, {0.0, 1.0}, "scores of rows")


def _same_as_server(ran: Ran, counts: dict[str, Any]) -> None:
    """Compare a cold run with what the server counted."""
    _green(ran)
    _equal(counts["problems"], [], "problems that the server found")
    _expect(counts["statuses"].get("429", 0) >= len(ROWS), "the server limited too few requests")
    suite = ran.suite("test_rows")
    for row in suite["examples"]:
        told = counts["examples"][row["id"]]
        calls = [call for run in row["runs"] for call in run["calls"] if not call["error"]]
        _equal(len(calls), told["answered"], f"calls of {row['id']}")
        for field in MICRO_USD:
            _equal(sum(call[field] for call in calls), told[field], f"{field} of {row['id']}")
    usage = suite["usage"]
    for field in MICRO_USD:
        expected = sum(example.get(field, 0) for example in counts["examples"].values())
        _expect(expected > 0, f"the server reported no {field}")
        _equal(usage[field], expected, f"{field} of the suite")
    price = sum(usage[field] * each for field, each in MICRO_USD.items())
    _equal(usage["micro_usd"], price, "micro-dollars of the suite")
    charged = {entry["kind"]: entry["amount"] for entry in suite["charged"]}
    _equal(charged["calls"], counts["requests"], "calls charged")
    _equal(usage["calls"], counts["answered"], "answered calls of the suite")


def _same_transcript(found: Transcript, expected: Transcript, ours: str, theirs: str) -> None:
    for row, received in expected.items():
        got = found.get(row, [])
        if got == received:
            continue
        place = next(
            (n for n, pair in enumerate(zip(got, received, strict=False)) if pair[0] != pair[1]),
            min(len(got), len(received)),
        )
        raise AssertionError(
            f"{row}, place {place} of {len(got)} and {len(received)}:\n"
            f"  {ours}: {got[place : place + 1]}\n  {theirs}: {received[place : place + 1]}"
        )
