"""Searches that are killed at a given request and then continued: ``FOLDER BUDGET REQUEST ...``.

Imports everything once and forks for each search, so that twenty kills take seconds. Each search
leaves in ``FOLDER/<request>`` the keys of all requests that reached the model, as the model saw
them, and what it found. Request 0 is never reached: that search runs undisturbed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path

from pytest_lmopt import Budget, Example, Prompt, metrics
from pytest_lmopt.assessment.assess import Assessment
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import BudgetExhaustedError
from pytest_lmopt.lm.money.book import SqliteBook
from pytest_lmopt.lm.money.ledger import Account, Ledger, Sitting
from pytest_lmopt.lm.processes import own_token
from pytest_lmopt.lm.recordings.store import SqliteRecordings
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.wire import Request

for slow in ("scipy.optimize", "scipy.special", "jinja2.sandbox", "ruamel.yaml"):
    import_module(slow)  # once, for all searches

CONCURRENCY = 8
EXAMPLES = 60
SHOUT = Prompt(
    name="shout",
    instruction="SHOUT it.",
    inputs=["word"],
    output="loud",
    params={"temperature": 0},
)


def _suite(budget: Budget) -> Suite:
    rows = [
        {"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}"}
        for i in range(EXAMPLES)
    ]

    def pipeline(example: Example) -> str:
        return SHOUT(**example.inputs).text

    return Suite(
        name="test_shout",
        pipeline=pipeline,
        dataset=load_dataset(rows, beside=Path()),
        metric=metrics.exact_match,
        budget=budget,
        model="m",
    )


def search(folder: Path, calls: int, *, killed_at: int) -> None:
    """One search, to its end or to the given request."""
    seen = folder / "seen"
    log = os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    model = SimulatedModel()

    async def answer(request: Request) -> str:
        os.write(log, f"{request.key}\n".encode())
        if seen.stat().st_size == killed_at * 65:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0)  # others go on meanwhile, as with a real model
        return model.answer([(role, text) for role, text in request.messages])

    budget = Budget(calls=calls)
    sitting = Sitting(session=str(os.getpid()), holder=own_token(), purpose="p", resume=True)
    ledger = Ledger(
        [
            Account(
                budget,
                owner="test_shout",
                book=SqliteBook(folder / "ledger.sqlite"),
                sitting=sitting,
            )
        ]
    )
    store = SqliteRecordings(folder / "recordings.sqlite")
    lm = suite_lm(FunctionLM(answer), ledger=ledger, store=store, mode="auto")
    terms = Terms(
        root=folder,
        snapshot=folder / "s.yaml",
        strategy="bootstrap",
        journal=folder / "journal.jsonl",
    )
    suite = _suite(budget)
    with InProcessExecutor(lm=lm, model="m", concurrency=CONCURRENCY) as executor:
        runner = LocalRunner(suite, executor)
        try:
            report = asyncio.run(Assessment(suite, runner, ledger, terms).run())
        except BudgetExhaustedError:
            return
    found = report.search
    assert found is not None
    result = {
        "trials": [(trial.name, trial.difference, trial.n) for trial in found.trials],
        "winner": found.winner,
        "confirmation": repr(found.confirmation),
        "note": found.note,
        "charged": ledger.accounts[0].spent.calls,
        "earlier": ledger.accounts[0].earlier,
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def _in_a_child(folder: Path, calls: int, *, killed_at: int) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            search(folder, calls, killed_at=killed_at)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ending = os.waitpid(child, 0)
    assert ending == (signal.SIGKILL if killed_at else 0), f"{folder.name}: {ending}"


def main(parent: Path, calls: int, kills: list[int]) -> None:
    """Each search twice: killed, then continued; the undisturbed one once."""
    for request in kills:
        folder = parent / str(request)
        folder.mkdir()
        if request:
            _in_a_child(folder, calls, killed_at=request)
        _in_a_child(folder, calls, killed_at=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [int(number) for number in sys.argv[3:]])
