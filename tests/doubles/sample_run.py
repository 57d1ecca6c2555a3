"""A run as it is stored, with something of everything that reports show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

from pytest_lmopt.comparison.verdict import compare
from pytest_lmopt.reports.example_rows import (
    CallRow,
    ExampleRow,
    MessageRow,
    RunRow,
    ToolCallRow,
)
from pytest_lmopt.reports.json_text import json_text
from pytest_lmopt.reports.machine import RunFacts, document
from pytest_lmopt.reports.stored_runs import StoredRun, read_run
from pytest_lmopt.reports.suite_report import (
    FailingExample,
    PartGain,
    Repeats,
    SearchReport,
    SuiteReport,
    TrialReport,
)
from pytest_lmopt.reports.transfer import Transfer, Tried
from pytest_lmopt.reports.whole_files import write_whole
from pytest_lmopt.wire import Usage

EVIL = (
    "<script>document.title = 'taken over'</script><img src=x onerror=alert(1)>"
    " ]]> --> </script> **bold** [link](javascript:alert(1)) | `code` \x1b[31m\u202eright to left"
)
"""What a model may answer."""

FACTS = RunFacts(
    name="20260102-030405-beef",
    started="2026-01-02T03:04:05Z",
    version="0.1.0",
    seed=0,
    strategy="bootstrap",
)

PROMPT = "prompts/route.yaml"

DIFF = """\
--- a/prompts/route.yaml
+++ b/prompts/route.yaml
@@ -1,5 +1,7 @@
 instruction: |
-  Answer with the team code only.
+  Answer with the three-letter team code only.
 inputs: [problem]
 output: team
+demos:
+  - {problem: I was charged twice, team: FIN}
 params: {temperature: 0}"""


def rows(
    examples: int, *, seed: int, repeats: int = 1, answer: str | None = None
) -> list[ExampleRow]:
    """Made-up examples, some of which fail; ``answer`` is what the model says on the first."""
    chance = Random(seed)
    return [
        _row(number, chance, repeats, answer if number == 0 else None) for number in range(examples)
    ]


def client_call(answer: str) -> CallRow:
    """A call that an agent makes on a client: a model's words stand in all of it."""
    said = ("system", "user", "assistant", "tool")
    return CallRow(
        prompt="openai.chat:openai/gpt-4o",
        inputs={},
        text="",
        error="",
        input_tokens=90,
        output_tokens=5,
        replayed=False,
        judging=False,
        model="openai/gpt-4o-mini",
        cached_tokens=64,
        reasoning_tokens=0,
        client="OpenAI/Python",
        dialect="openai.chat",
        tools=f'{{"tools":[{{"name":"lookup {answer}"}}]}}',
        messages=[MessageRow(role=role, content=f"{role} says {answer}") for role in said],
        unshown=12,
        tool_calls=[ToolCallRow(name=f"lookup {answer}", arguments=answer)],
    )


def _row(number: int, chance: Random, repeats: int, answer: str | None) -> ExampleRow:
    teams = ("FIN", "OPS", "LAW", "WEB")
    hidden = number % 10 >= 6 and answer is None
    baseline = float(chance.random() < 0.55)
    expected = chance.choice(teams)
    message = (
        f"Ticket {number}: you took the money for my order twice, and nobody answers my mails."
    )
    runs = []
    for _ in range(repeats):
        passed = chance.random() < 0.7
        got = answer or (expected if passed else chance.choice(teams))
        call = CallRow(
            prompt="prompts/route.yaml",
            inputs={"problem": message},
            text=got,
            error="",
            input_tokens=61,
            output_tokens=3,
            replayed=number % 3 == 0,
            judging=False,
        )
        runs.append(
            RunRow(
                ending="returned",
                score=float(got == expected),
                got="" if hidden else got,
                feedback="" if hidden or got == expected else f"{expected} expected",
                tokens=64,
                calls=[] if hidden else [call, *([client_call(answer)] if answer else [])],
                unshown=0,
            )
        )
    return ExampleRow(
        id=f"ticket-{number}",
        split="holdout" if hidden else "dev",
        group=None,
        digest=f"{number:016x}",
        score=sum(run["score"] or 0.0 for run in runs) / repeats,
        baseline=baseline,
        winner=float(chance.random() < 0.8),
        inputs={} if hidden else {"message": message},
        expected="" if hidden else expected,
        runs=runs,
    )


def suite(name: str, found: list[ExampleRow]) -> SuiteReport:
    """The report of a suite with these examples."""
    now = {row["id"]: row["score"] or 0.0 for row in found}
    score = sum(now.values()) / len(now)
    failing = [row for row in found if now[row["id"]] < 1.0]
    return SuiteReport(
        suite=name,
        status="passed",
        problem="",
        model="openai/small",
        n=len(found),
        score=score,
        low=max(0.0, score - 0.08),
        high=min(1.0, score + 0.08),
        baseline="compared",
        comparison=compare({row["id"]: row["baseline"] or 0.0 for row in found}, now),
        failing=tuple(
            FailingExample(
                id=row["id"],
                inputs=str(row["inputs"]),
                expected=row["expected"],
                got=row["runs"][0]["got"],
                feedback=row["runs"][0]["feedback"],
            )
            for row in failing
        ),
        missing=0,
        skipped=0,
        usage=Usage(
            calls=len(found), replayed=len(found) // 3, input_tokens=61 * len(found),
            output_tokens=3 * len(found), micro_usd=12 * len(found),
        ),
        budget="600 calls",
        seconds=12.5,
        threshold=0.6,
        margin=0.05,
        dataset="d",
        metric="m",
        digests={"prompts/route.yaml": "p"},
    )  # fmt: skip


def search_report() -> SearchReport:
    """A search of seven candidates, one of which was accepted."""
    chance = Random(3)
    trials = []
    for number in range(1, 8):
        gain = chance.uniform(-0.1, 0.3)
        tokens = 40 + 45 * number
        trials.append(
            TrialReport(
                name=f"bootstrap-{number}",
                reason="demos from the passing runs of a, b",
                difference=gain,
                low=gain - 0.15,
                high=gain + 0.15,
                n=32,
                score=0.5 + gain,
                tokens=float(tokens),
                seconds=0.4 + 0.1 * number,
                size=4 * tokens,
                calls=60 + 40 * number,
                efficient=number in (1, 4),
            )
        )
    trials.sort(key=lambda trial: -trial.difference)
    old = {str(number): float(number % 3 == 0) for number in range(60)}
    new = {str(number): float(number % 3 != 1) for number in range(60)}
    return SearchReport(
        strategy="bootstrap",
        trials=tuple(trials),
        winner=trials[0].name,
        reason=trials[0].reason,
        confirmation=compare(old, new),
        holdout_use=1,
        accepted=True,
        note="",
        diff=DIFF,
        unwritable=(),
        changes=(f"{PROMPT}: another instruction and 1 in place of 0 demos",),
        gains=(
            PartGain(changes=(f"{PROMPT}: another instruction",)),
            PartGain(
                changes=(f"{PROMPT}: 1 in place of 0 demos",),
                candidate="bootstrap-4", difference=0.125, low=0.01, high=0.24, n=32,
            ),
        ),
    )  # fmt: skip


def transfers(answer: str) -> tuple[Transfer, ...]:
    """What two models found, the second of which was not tried everywhere, for a hostile reason."""
    shop = "tests/test_shop.py::test_summary"
    here, there = f"{shop}[openai/small]", f"{shop}[openai/large]"
    found = Tried(suite=here, difference=0.2, told="improved, found here", holds=True)
    other = Tried(suite=there, difference=0.125, told="improved", holds=True)
    untried = replace(other, suite=here, difference=None, told=f"not tried: {answer}", holds=False)
    return (
        Transfer(found_on=here, files=(PROMPT,), tried=(found, other)),
        Transfer(found_on=there, files=(PROMPT,), tried=(untried, other)),
    )


def sample(path: Path, *, examples: int = 120, answer: str = EVIL) -> StoredRun:
    """Store a run of four suites at ``path``, the last of them with what a model may do to us."""
    found = {
        "tests/test_shop.py::test_triage": rows(examples, seed=1),
        "tests/test_shop.py::test_summary[openai/small]": rows(80, seed=5, repeats=5),
        "tests/test_mail.py::test_tone": rows(40, seed=9),
        "tests/test_mail.py::test_answer": rows(12, seed=2, answer=answer),
    }
    names = list(found)
    reports = [suite(name, found[name]) for name in names]
    reports[0] = replace(reports[0], search=search_report())
    reports[1] = replace(reports[1], repeats=Repeats(k=5, any_pass=0.99, all_pass=0.17))
    reports[2] = replace(reports[2], baseline="stale (model changed)", threshold=None, margin=0.0)
    reports[3] = replace(
        reports[3], status="failed", problem=f"score 0.5 is under the threshold 0.6: {answer}"
    )
    lines = {name: [json_text(row) for row in each] for name, each in found.items()}
    write_whole(path, document(FACTS, reports, lines.__getitem__, transfers(answer)))
    assert json.loads(path.read_text(encoding="utf-8"))
    return read_run(path)
