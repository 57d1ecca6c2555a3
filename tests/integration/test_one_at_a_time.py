"""Suites that are not safe on threads run one example at a time, and the report says so."""

from __future__ import annotations

import pytest
from projects.shouting import Project

WORK = """\
import contextlib, io, os, random, time

def target():
    return None

class Settings:
    mode = None
"""
SUITE = """\
import asyncio, contextlib, io, logging, os, random, sys, time, warnings
from unittest import mock
from pathlib import Path
import pytest
from pytest_lmopt import metrics
import work

ROWS = [{"id": f"e{i}", "inputs": {"q": i}, "expected": i, "split": "dev"} for i in range(24)]
suite = pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match, threshold=1, MARK)

def pause():
    time.sleep(0)  # lets the other threads run

FIXTURES

CODE

def test_afterwards():
    assert work.target() is None
    assert "LMOPT_Q" not in os.environ
"""
FIXTURES = """\
@pytest.fixture
def setter(monkeypatch):
    return monkeypatch.setenv

@pytest.fixture
def folder(tmp_path_factory):
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("folder"))
    yield
    os.chdir(before)

@pytest.fixture
def api():
    with mock.patch("work.target") as patched:
        yield patched

@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("LMOPT_KEY", "1")

@pytest.fixture
def box():
    return {}

@pytest.fixture
def answers():
    return []

@pytest.fixture
def settings():
    return work.Settings()

@pytest.fixture
def data():
    return Path(__file__).parent

@pytest.fixture(scope="session")
def seen():
    return []
"""
SYNC = "@suite\ndef test_q(lm_example, {}):\n    q = lm_example.inputs['q']\n"
ASYNC = SYNC.replace("\ndef ", "\nasync def ")
UNSAFE = {
    "monkeypatch.setenv": SYNC.format("monkeypatch")
    + "    monkeypatch.setenv('LMOPT_Q', str(q)); pause(); return int(os.environ['LMOPT_Q'])",
    "monkeypatch.setattr": SYNC.format("monkeypatch")
    + "    monkeypatch.setattr(work, 'target', lambda: q); pause(); return work.target()",
    "monkeypatch through a fixture": SYNC.format("setter")
    + "    setter('LMOPT_Q', str(q)); pause(); return int(os.environ['LMOPT_Q'])",
    "capsys": SYNC.format("capsys")
    + "    capsys.readouterr(); print(q); pause(); return int(capsys.readouterr().out)",
    "capfd": SYNC.format("capfd")
    + "    capfd.readouterr(); os.write(1, b'%d' % q); pause(); return int(capfd.readouterr().out)",
    "caplog": SYNC.format("caplog")
    + "    caplog.clear(); logging.warning('%s', q); pause(); return int(caplog.messages[-1])",
    "tmp_path": SYNC.format("tmp_path")
    + "    (tmp_path / 'f').write_text(str(q)); pause(); return int((tmp_path / 'f').read_text())",
    "a folder of a fixture": "@pytest.fixture\ndef scratch(tmp_path_factory):\n"
    + "    return tmp_path_factory.mktemp('scratch')\n"
    + SYNC.format("scratch")
    + "    (scratch / 'f').write_text(str(q)); pause(); return int((scratch / 'f').read_text())",
    "a folder of its own": SYNC.format("tmp_path_factory")
    + "    path = tmp_path_factory.mktemp('q') / 'f'; path.write_text(str(q)); pause()\n"
    + "    return int(path.read_text())",
    "recwarn": SYNC.format("recwarn")
    + "    warnings.simplefilter('always'); recwarn.clear(); warnings.warn(str(q)); pause()\n"
    + "    return int(str(recwarn.pop().message))",
    "a fixture that changes the folder": SYNC.format("folder")
    + "    Path('f').write_text(str(q)); pause(); return int(Path('f').read_text())",
    "a fixture that is a mock": SYNC.format("api")
    + "    api.return_value = q; pause(); return work.target()",
    "mock.patch": SYNC.format("")
    + "    with mock.patch('work.target', return_value=q):\n        pause(); return work.target()",
    "mock.patch, async": ASYNC.format("")
    + "    with mock.patch('work.target', return_value=q):\n"
    + "        await asyncio.sleep(0); return work.target()",
    "mock.patch as a decorator": SYNC.replace("@suite\n", "@suite\n@mock.patch('work.target')\n")
    .replace("(lm_example", "(patched, lm_example")
    .format("")
    + "    patched.return_value = q; pause(); return work.target()",
    "a patch by hand": SYNC.format("")
    + "    work.Settings.mode = q; pause(); return work.Settings.mode",
    "os.environ": SYNC.format("")
    + "    os.environ['LMOPT_Q'] = str(q); pause()\n"
    + "    try: return int(os.environ.get('LMOPT_Q', -1))\n"
    + "    finally: os.environ.pop('LMOPT_Q', None)",
    "os.chdir": "@pytest.fixture\ndef base(tmp_path_factory):\n"
    + "    return tmp_path_factory.mktemp('base')\n"
    + SYNC.format("base")
    + "    (base / str(q)).mkdir(); os.chdir(base / str(q)); pause(); return int(Path.cwd().name)",
    "redirect_stdout": SYNC.format("")
    + "    with contextlib.redirect_stdout(io.StringIO()) as out:\n"
    + "        print(q); pause(); return int(out.getvalue())",
    "random.seed": SYNC.format("")
    + "    random.seed(q); pause(); right = random.random() == random.Random(q).random()\n"
    + "    return q if right else -1",
    "a mark": SYNC.replace("@suite", "@suite\n@pytest.mark.thread_unsafe").format("")
    + "    return q",
    "a method": "class TestQ:\n    def ask(self, q):\n"
    + "        with mock.patch('work.target', return_value=q):\n"
    + "            pause(); return work.target()\n"
    + "    @suite\n    def test_q(self, lm_example):\n"
    + "        return self.ask(lm_example.inputs['q'])",
    "a mapping of a fixture": SYNC.format("box") + "    box['q'] = q; pause(); return box['q']",
    "a mapping of a fixture, async": ASYNC.format("box")
    + "    box['q'] = q; await asyncio.sleep(0); return box['q']",
    "a list of a fixture": SYNC.format("answers")
    + "    answers.append(q); pause(); return answers[-1]",
    "an object of a fixture": SYNC.format("settings")
    + "    settings.mode = q; pause(); return settings.mode",
    "the test's instance": "class TestQ:\n    @suite\n    def test_q(self, lm_example):\n"
    + "        self.q = lm_example.inputs['q']; pause(); return self.q",
    "what is set up on it": "class TestQ:\n    def setup_method(self): self.seen = []\n"
    + "    @suite\n    def test_q(self, lm_example):\n"
    + "        self.seen.append(lm_example.inputs['q']); pause(); return self.seen[-1]",
    "a global name": "LAST = None\n"
    + SYNC.format("")
    + "    global LAST\n    LAST = q; pause(); return LAST",
}
SAID = "note: *::test_q ran one example at a time, as this is not safe while others run: *"


def write(project: Project, code: str, *, mark: str = "") -> None:
    """A suite, and a test that sees what it left behind."""
    project.write("work.py", WORK)
    text = SUITE.replace("FIXTURES", FIXTURES).replace("CODE", code).replace("MARK", mark)
    project.write("test_words.py", text)


@pytest.mark.parametrize("code", UNSAFE.values(), ids=UNSAFE)
def test_a_right_pipeline_is_right(
    project: Project, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its score is 1, a line says why it takes longer, and nothing of it is left in force."""
    monkeypatch.chdir(project.path)
    write(project, code)
    result = project.run("-p", "no:faulthandler")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([SAID])


def test_with_pytest_mock(project: Project) -> None:
    """``mocker`` patches until the suite ends."""
    pytest.importorskip("pytest_mock")
    write(
        project,
        SYNC.format("mocker")
        + "    mocker.patch('work.target', return_value=q); pause(); return work.target()",
    )
    result = project.run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([SAID + "fixture mocker.*"])


def test_a_metric_that_is_unsafe_counts_as_the_pipeline(project: Project) -> None:
    """It would see, or change, what pipelines print."""
    write(
        project,
        """
def judge(example, prediction):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(prediction)
    return out.getvalue() == f"{example.expected}\\n"

@pytest.mark.lm_suite(dataset=ROWS, metric=judge, threshold=1)
def test_q(lm_example):
    print("noise"); pause(); print("noise")
    return f"print({lm_example.expected})"
""",
    )
    result = project.run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([SAID + "contextlib.redirect_stdout in judge.*"])


SAFE = {
    "no fixture": SYNC.format("") + "    return q",
    "what a fixture sets once": SYNC.format("key") + "    return q * int(os.environ['LMOPT_KEY'])",
    "a list of the whole session": SYNC.format("seen") + "    seen.append(q); return q",
    "a folder of the project": SYNC.format("data") + "    return q",
    "a fixture that is read": SYNC.format("box, settings") + "    return box.get('q', q)",
    "what is set once": "class TestQ:\n    @suite\n    def test_q(self, lm_example):\n"
    + "        if not hasattr(self, 'client'): self.client = object()\n"
    + "        return lm_example.inputs['q']",
}
GAUGE = """
import threading
from contextlib import contextmanager

lock, inside, most, entered = threading.Lock(), 0, 0, 0
enough, too_many = threading.Event(), threading.Event()

@contextmanager
def counted():
    global inside, most, entered
    with lock:
        inside += 1
        entered += 1
        most = max(most, inside)
        Path(__file__).with_name("most").write_text(str(most))
        first = entered <= MOST
    if most >= min(MOST, 3):
        enough.set()
    if most > MOST:
        too_many.set()
    enough.wait(60)
    if first:
        too_many.wait(0.05)  # were others let in, they would come now
    yield
    with lock:
        inside -= 1
"""
COUNTED = GAUGE + SYNC.format("FIXTURE") + "    with counted():\n        return q"


@pytest.mark.parametrize("code", SAFE.values(), ids=SAFE)
def test_suites_that_are_safe_run_as_ever(project: Project, code: str) -> None:
    """Nothing is said of them."""
    write(project, code)
    result = project.run()
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line(SAID)


@pytest.mark.parametrize(
    ("fixture", "mark", "options", "most"),
    [
        ("", "", [], 16),
        ("capsys", "", [], 1),
        ("", "concurrency=3", [], 3),
        ("", "concurrency=30", [], 16),
        ("", "concurrency=30", ["--lm-concurrency=20"], 20),
        ("", "concurrency=30", ["--lm-concurrency=2"], 2),
        ("capsys", "concurrency=4", [], 4),
        ("capsys", "concurrency=1", [], 1),
        ("capsys", "", ["--lm-concurrency=1"], 1),
    ],
)
def test_the_mark_says_how_many_are_safe(
    project: Project, fixture: str, mark: str, options: list[str], most: int
) -> None:
    """It is its author's word and wins over what is found; the option is a bound as well."""
    code = COUNTED.replace("FIXTURE", fixture).replace("MOST", str(most))
    write(project, code, mark=mark)
    result = project.run(*options)
    result.assert_outcomes(passed=2)
    assert min(most, 3) <= int((project.path / "most").read_text()) <= most
    said = "ran one example at a time" in result.stdout.str()
    assert said is (fixture == "capsys" and not mark and not options)


TOGETHER = """
from doubles.meeting import give_time

@suite
def test_q(lm_example):
    folder = Path(__file__).with_name("inside")
    folder.mkdir(exist_ok=True)
    mine = folder / lm_example.id
    mine.touch()
    give_time(lambda: len(list(folder.iterdir())) > 3)
    with Path(__file__).with_name("seen").open("a") as seen:
        seen.write(f"{os.environ['PYTEST_XDIST_WORKER']} {len(list(folder.iterdir()))}\\n")
    mine.unlink()
    return lm_example.inputs["q"]
"""


def _seen(project: Project) -> tuple[set[str], int]:
    lines = [line.split() for line in (project.path / "seen").read_text().splitlines()]
    return {worker for worker, _ in lines}, max(int(number) for _, number in lines)


@pytest.mark.parametrize("most", [1, 3])
def test_the_mark_holds_for_all_workers_together(project: Project, most: int) -> None:
    """However many lanes a suite has."""
    write(project, TOGETHER, mark=f"concurrency={most}")
    project.run_apart("-n", "2").assert_outcomes(passed=2)
    assert _seen(project)[1] <= most


def test_unsafe_suites_run_one_example_in_each_worker(project: Project) -> None:
    """Processes share no environment, no output and no patches; it is said once."""
    write(project, TOGETHER.replace("(lm_example)", "(lm_example, monkeypatch)"))
    result = project.run_apart("-n", "2")
    result.assert_outcomes(passed=2)
    assert result.stdout.str().count("ran one example at a time") == 1
    assert _seen(project)[1] <= 2
