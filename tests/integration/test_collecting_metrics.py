"""A metric that collects what it sees is the same metric afterwards, so its suite stays gated."""

from __future__ import annotations

import pytest
from projects.shouting import Project

SUITE = """\
import asyncio, functools, logging, random, sqlite3, tempfile, threading, time, uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
import pytest
{metric}

ROWS = [{{"id": f"r{{i}}", "inputs": {{"n": i}}, "expected": i}} for i in range(30)]

@pytest.mark.lm_suite(dataset=ROWS, metric=METRIC)
def test_it(lm_example):
    return {answer}
"""
RIGHT, WRONG = 'lm_example.inputs["n"]', "-1"

FACTORY = """\
def make():
    {state}
    def metric(example, prediction):
        {use}
        return example.expected == prediction
    return metric
METRIC = make()
"""


def closure(state: str, use: str) -> str:
    """A metric that closes over what it uses."""
    return FACTORY.format(state=state, use=use)


METRICS = {
    "closure list": closure("seen = []", "seen.append((example.id, prediction))"),
    "closure Counter": closure("seen = Counter()", "seen[prediction] += 1"),
    "closure defaultdict": closure("seen = defaultdict(list)", "seen[prediction].append(example)"),
    "closure set": closure("seen = set()", "seen.add(prediction)"),
    "rebound closure": closure("count = 0", "nonlocal count; count += 1"),
    "lock": closure("lock, seen = threading.Lock(), []", "lock.acquire(); lock.release()"),
    "start time": closure("begun = time.time()", "begun + 1"),
    "times in a tuple": closure("begun = (time.time(), time.monotonic())", "begun"),
    "times side by side": closure("count, begun = 0, time.time()", "begun, count"),
    "temporary folder": closure("folder = tempfile.TemporaryDirectory()", "folder.name"),
    "random id": closure("session = uuid.uuid4()", "session.hex"),
    "random numbers": closure("draw = random.Random()", "draw.random()"),
    "logger": closure("log = logging.getLogger('scores')", "log.debug('%s', prediction)"),
    "connection": closure("db = sqlite3.connect(':memory:')", "db"),
    "generator": closure("numbers = (i for i in range(10**6))", "next(numbers)"),
    "mutable default": """\
def METRIC(example, prediction, seen=[]):
    seen.append(prediction)
    return example.expected == prediction
""",
    "start time as a default": """\
def METRIC(example, prediction, begun=time.time()):
    return example.expected == prediction
""",
    "global list": """\
SEEN, BEGUN = [], time.time()
def METRIC(example, prediction):
    SEEN.append((prediction, BEGUN))
    return example.expected == prediction
""",
    "function attribute": """\
def METRIC(example, prediction):
    METRIC.calls += 1
    return example.expected == prediction
METRIC.calls = 0
""",
    "object": """\
class Metric:
    calls = 0
    def __init__(self, tolerance):
        self.tolerance, self.seen = tolerance, []
        self.begun, self.session = time.time(), uuid.uuid4()
        self.folder = tempfile.TemporaryDirectory()
        self.lock = threading.Lock()
    def __call__(self, example, prediction):
        Metric.calls += 1
        self.seen.append(prediction)
        self.last = prediction
        return abs(example.expected - prediction) <= self.tolerance
METRIC = Metric(0)
""",
    "bound method": """\
class Metrics:
    def __init__(self):
        self.seen = Counter()
    def __repr__(self):
        return f"seen {self.seen}"
    def same(self, example, prediction):
        self.seen[prediction] += 1
        return example.expected == prediction
METRIC = Metrics().same
""",
    "dataclass": """\
@dataclass
class Metric:
    seen: list = field(default_factory=list)
    begun: float = field(default_factory=time.time, compare=False)
    def __call__(self, example, prediction):
        self.seen.append(prediction)
        return example.expected == prediction
METRIC = Metric()
""",
    "partial": """\
def same(seen, example, prediction):
    seen.append(prediction)
    return example.expected == prediction
METRIC = functools.partial(same, [])
""",
    "cache": """\
@functools.lru_cache(maxsize=None)
def same(expected, prediction):
    return expected == prediction
def metric(same):
    return lambda example, prediction: same(example.expected, prediction)
METRIC = metric(same)
""",
    "coroutine": """\
def make():
    seen = []
    async def metric(example, prediction):
        await asyncio.sleep(0)
        seen.append(prediction)
        return example.expected == prediction
    return metric
METRIC = make()
""",
}


def write(project: Project, metric: str, answer: str) -> None:
    """The suite with this metric and answer."""
    project.write("test_it.py", SUITE.format(metric=metric, answer=answer))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_a_metric_collects_does_not_open_the_gate(project: Project, metric: str) -> None:
    """All answers right, then all wrong: regressed, wherever the metric keeps what it saw."""
    write(project, metric, RIGHT)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    project.run().stdout.fnmatch_lines(["*test_it *1.000*+0.000*holds*"])
    write(project, metric, WRONG)
    result = project.run()
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["failed: regressed against the baseline: 1.000 ? 0.000*"])


def test_workers_agree_on_a_collecting_metric(project: Project) -> None:
    """Each has collected something else by the time it reports."""
    write(project, METRICS["object"], RIGHT)
    project.run_apart("-n", "2", "--lm-snapshot-update").assert_outcomes(passed=1)
    write(project, METRICS["object"], WRONG)
    result = project.run_apart("-n", "2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*regressed against the baseline: 1.000 ? 0.000*"])


def test_suites_that_share_a_collecting_metric_are_all_gated(project: Project) -> None:
    """The second begins with what the first has collected; also one suite per parameter."""
    more = """\
@pytest.mark.lm_suite(dataset=ROWS, metric=METRIC)
def test_other(lm_example):
    return ANSWER

@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.lm_suite(dataset=ROWS, metric=METRIC)
def test_each(lm_example, times):
    return ANSWER
"""
    for answer in (RIGHT, WRONG):
        write(project, METRICS["closure list"], answer)
        text = (project.path / "test_it.py").read_text(encoding="utf-8")
        project.write("test_it.py", text + more.replace("ANSWER", answer))
        if answer == RIGHT:
            project.run("--lm-snapshot-update").assert_outcomes(passed=4)
    project.run().assert_outcomes(failed=4)
    project.run("-k", "test_other").assert_outcomes(failed=1, deselected=3)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("make(0)", "make(5)"),
        ("LIMIT = 0", "LIMIT = 5"),
        ("return abs(a - b)", "return abs(a - b) / 2"),
    ],
)
def test_another_parameter_constant_or_helper_is_another_metric(
    project: Project, before: str, after: str
) -> None:
    """Then the old scores are no baseline of the new ones."""
    metric = """\
LIMIT = 0
def distance(a, b):
    return abs(a - b)
def make(tolerance):
    def metric(example, prediction):
        return distance(example.expected, prediction) <= max(tolerance, LIMIT)
    return metric
METRIC = make(0)
"""
    write(project, metric, RIGHT)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    write(project, metric.replace(before, after), RIGHT)
    project.run().stdout.fnmatch_lines(["*metric changed*"])


def test_a_metric_without_content_is_refused_in_a_line(project: Project) -> None:
    """Nothing runs; the message names the part and the way out, which then works."""
    metric = """\
import scipy.optimize._highspy._core as core
def metric(model, example, prediction):
    return example.expected == prediction
METRIC = functools.partial(metric, MODEL)
"""
    write(project, metric.replace("MODEL", "core._Highs()"), RIGHT)
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*test_it: lm_suite(metric=...): args[[]0[]] (*_Highs) has no content*lmopt_identity*"]
    )
    named = metric.replace("MODEL", "core._Highs()") + "METRIC.lmopt_identity = 'highs 1'\n"
    write(project, named, RIGHT)
    project.run("--lm-snapshot-update").assert_outcomes(passed=1)
    write(project, named, WRONG)
    project.run().assert_outcomes(failed=1)


def test_a_metric_uses_up_a_copy_of_the_expected_answers(project: Project) -> None:
    """What a metric takes out of its example is there for the next run and the next suite."""
    project.write(
        "test_words.py",
        """\
import pytest

ROWS = [{"id": f"r{i}", "inputs": {"n": i}, "expected": [i, -1]} for i in range(30)]

def metric(example, prediction):
    return example.expected.pop(0) == prediction

@pytest.mark.parametrize("suite", ["one", "other"])
@pytest.mark.lm_suite(dataset=ROWS, metric=metric, repeats=2, threshold=1.0)
def test_it(lm_example, suite):
    return lm_example.inputs["n"]
""",
    )
    project.run().assert_outcomes(passed=2)
