"""Requests a second of the packaged model, by its server's settings and the machine's load.

    python benchmarks/local_model.py [SETTING …] [--loads 0,1,2,4] [--rounds 3] [--at-once 1,4]

A setting is like ``threads=1,spins=300``. ``poll`` and ``priority`` are llama.cpp's for its
threads; ``spins`` and ``wait`` are OpenMP's for threads that wait; any other name is a parameter of
llama.cpp's server. ``default`` changes nothing. A load is how many processes compute beside. All
servers run from the start and take turns. One at a time is asked, for ``--cap`` seconds at most.
All answers are compared with the first setting's. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from pytest_lmopt.lm.local import server
from pytest_lmopt.lm.local.model import find_model_file
from pytest_lmopt.lm.processes import own_token

DATA = Path(__file__).resolve().parent.parent / "example_project/tests"
SETTINGS = ["spins=300000", "default", "threads=1", "poll=0", "priority=low"]
OPENMP = {"spins": "GOMP_SPINCOUNT", "wait": "OMP_WAIT_POLICY"}
BUSY = "while True: pass"
EACH = 24
DATE = "Convert the date to ISO 8601 (YYYY-MM-DD). Answer with the date only."
PHRASE = "Copy the date from the message. Answer with the date only."
REPLY = "You answer a small shop's mail. Reply to the customer in one friendly sentence."

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one server did in one go: texts by request, seconds, prompt tokens and those cached."""

    texts: Mapping[int, str]
    seconds: float
    cpu_seconds: float
    prompt_tokens: int
    cached_tokens: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.texts) / self.seconds


@dataclass(frozen=True)
class Running:
    """A server with a setting."""

    process: subprocess.Popen[bytes]
    address: str

    def cpu_seconds(self) -> float:
        """Return what it has computed so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, bodies: Mapping[int, Body], at_once: int, cap: float) -> Cell:
        """Ask what can be answered, starting no request after ``cap`` seconds."""
        started, used = time.monotonic(), self.cpu_seconds()
        waiting = iter(bodies.items())

        def work(_: int) -> dict[int, Any]:
            client, answers = HTTPConnection(self.address, timeout=600), {}
            while time.monotonic() < started + cap:
                number, body = next(waiting, (None, None))  # one bytecode: needs no lock
                if number is None:
                    break
                client.request(
                    "POST",
                    "/v1/chat/completions",
                    json.dumps(body),
                    {"Content-Type": "application/json"},
                )
                answers[number] = json.loads(client.getresponse().read())
            client.close()
            return answers

        with ThreadPoolExecutor(at_once) as pool:
            answers = {n: a for found in pool.map(work, range(at_once)) for n, a in found.items()}
        usages = [answer["usage"] for answer in answers.values()]
        return Cell(
            texts={n: a["choices"][0]["message"]["content"] for n, a in answers.items()},
            seconds=time.monotonic() - started,
            cpu_seconds=self.cpu_seconds() - used,
            prompt_tokens=sum(usage["prompt_tokens"] for usage in usages),
            cached_tokens=sum(
                (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
                for usage in usages
            ),
        )


@dataclass(frozen=True)
class Found:
    """All cells by setting, load and requests at once, and how many texts differ."""

    cells: dict[tuple[str, int, int], list[Cell]] = field(default_factory=lambda: defaultdict(list))
    compared: dict[tuple[str, int], list[bool]] = field(default_factory=lambda: defaultdict(list))

    def add(
        self, load: int, at_once: int, cells: Mapping[str, Cell], *, expected: Mapping[int, str]
    ) -> None:
        """Keep one cell of each setting, and compare its texts with those ``expected``."""
        for setting, cell in cells.items():
            self.cells[setting, load, at_once].append(cell)
            both = cell.texts.keys() & expected.keys()
            self.compared[setting, at_once] += [cell.texts[n] != expected[n] for n in both]

    def table(self, settings: Sequence[str], loads: Sequence[int], at_once: Sequence[int]) -> str:
        """Return medians of requests a second by load, and facts over all loads."""
        heads = ["setting", "at once", *(f"{load} beside" for load in loads)]
        heads += ["CPU ms", "cached", "texts differ"]
        lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for many in at_once:
            for setting in settings:
                by_load = [self.cells[setting, load, many] for load in loads]
                cells = [cell for found in by_load for cell in found]
                requests = sum(len(cell.texts) for cell in cells)
                prompt = sum(cell.prompt_tokens for cell in cells)
                rates = [median(cell.rate for cell in found) for found in by_load]
                compared = self.compared[setting, many]
                row = [setting, str(many), *(f"{rate:.2f}" for rate in rates)]
                row.append(f"{1000 * sum(c.cpu_seconds for c in cells) / requests:.0f}")
                row.append(f"{sum(c.cached_tokens for c in cells) / prompt:.0%}")
                row.append(f"{sum(compared)}/{len(compared)}")
                lines.append(f"| {' | '.join(row)} |")
        return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Requests a second of the packaged model.")
    parser.add_argument("settings", nargs="*", default=SETTINGS, metavar="SETTING")
    parser.add_argument("--loads", type=_numbers, default=[0, 1, 2, 4])
    parser.add_argument("--at-once", type=_numbers, default=[1, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cap", type=float, default=8.0, help="seconds of one cell")
    parser.add_argument("--prompts", type=int, default=3, help="how many take turns, 1 to 6")
    parser.add_argument("--demos", type=int, default=8)
    chosen = parser.parse_args(arguments)
    bodies, found, number = requests(chosen.prompts, chosen.demos), Found(), count()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {s: stack.enter_context(serving(s, folder)) for s in chosen.settings}
        for running in servers.values():
            running.ask(dict(enumerate(bodies[-chosen.prompts :])), 1, 60.0)
        for turn in range(chosen.rounds):
            turns = list(servers)[turn % len(servers) :] + list(servers)[: turn % len(servers)]
            for load in chosen.loads:
                with computing(load):
                    for many in chosen.at_once:
                        # every cell has inputs that no cell before had
                        first = next(number) * EACH % (len(bodies) - EACH)
                        asked = dict(enumerate(bodies[first : first + EACH]))
                        cells = {s: servers[s].ask(asked, many, chosen.cap) for s in turns}
                        found.add(load, many, cells, expected=cells[chosen.settings[0]].texts)
                        rates = ", ".join(f"{s} {cells[s].rate:.2f}" for s in servers)
                        print(
                            f"{time.strftime('%H:%M:%S')} {load} beside, {many} at once: {rates}; "
                            f"load {os.getloadavg()[0]:.1f}",
                            file=sys.stderr,
                            flush=True,
                        )
    print(found.table(chosen.settings, chosen.loads, chosen.at_once))


def requests(prompts: int, demos: int) -> list[Body]:
    """Return requests of so many prompts in turn: instruction and demos first, a new input last."""
    days = [(row["inputs"]["entry"], row["expected"]) for row in _rows("ledger")]
    mails = [(row["inputs"]["message"], row["expected"]) for row in _rows("messages")]
    asked: list[Body] = []
    for (day, _), (mail, _) in zip(days[2 * demos :], mails[2 * demos :], strict=False):
        turn = [
            body
            for first in (0, demos)
            for body in (
                _body(DATE, days[first : first + demos], day, 12),
                _body(PHRASE, mails[first : first + demos], mail, 14),
                _body(REPLY, mails[first : first + demos // 4], mail, 40),
            )
        ]
        asked += turn[:prompts]
    return asked


def _rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _body(instruction: str, demos: Sequence[tuple[str, str]], asked: str, most: int) -> Body:
    messages = [{"role": "system", "content": instruction}]
    for question, answer in demos:
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": asked})
    return {"model": "local", "messages": messages, "temperature": 0, "max_tokens": most}


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


@contextmanager
def computing(processes: int) -> Iterator[None]:
    """Let so many processes compute beside."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextmanager
def serving(setting: str, folder: Path) -> Iterator[Running]:
    """Run a server with a setting."""
    parts = dict(part.split("=") for part in setting.split(",") if part != "default")
    note = folder / f"{len(list(folder.iterdir()))}.json"
    process = subprocess.Popen(
        [sys.executable, __file__, str(find_model_file("local")), own_token(), str(note)],
        env={
            **os.environ,
            "LMOPT_BENCH_SERVER": json.dumps({n: v for n, v in parts.items() if n not in OPENMP}),
            **{OPENMP[name]: value for name, value in parts.items() if name in OPENMP},
        },
    )
    try:
        while not note.exists():
            if process.poll() is not None:
                raise SystemExit(f"the server with {setting} ended")
            time.sleep(0.05)
        url = json.loads(note.read_text("utf-8"))["url"]
        yield Running(process, url.removeprefix("http://"))
    finally:
        process.kill()
        process.wait()


def serve(model: str, owner: str, note: Path, changed: Mapping[str, str]) -> None:
    """Be the plugin's own server, but for what is changed."""
    usual = server.parameters

    def parameters(model: str) -> Any:
        from xllamacpp import ggml_sched_priority

        params = usual(model)
        for name, value in changed.items():
            for cpu in (params.cpuparams, params.cpuparams_batch):
                if name == "threads":
                    cpu.n_threads = int(value)
                elif name == "poll":
                    cpu.poll = int(value)
                elif name == "priority":
                    cpu.priority = ggml_sched_priority[f"GGML_SCHED_PRIO_{value.upper()}"]
            if hasattr(params, name):
                setattr(params, name, type(getattr(params, name))(json.loads(value)))
        return params

    server.parameters = parameters
    server.main(model, owner, note)


if __name__ == "__main__":
    if "LMOPT_BENCH_SERVER" in os.environ:
        serve(
            sys.argv[1],
            sys.argv[2],
            Path(sys.argv[3]),
            json.loads(os.environ["LMOPT_BENCH_SERVER"]),
        )
    else:
        main()
