"""The catalogue of mistakes: what each error says, word for word, to whoever made it.

Every message says what happened, the value found, where, and what to do; none comes with a
traceback of ours.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

import pytest
from doubles.manual_clock import ManualClock
from doubles.openai_server import Fault, OpenAIServer
from projects.shouting import Project

from pytest_lmopt import errors
from pytest_lmopt.blocks.lanes import LeadingRunner
from pytest_lmopt.blocks.queue import MOST_LOSSES
from pytest_lmopt.blocks.runner import Block, LocalRunner
from pytest_lmopt.errors import LmoptError
from pytest_lmopt.lm.interception import hooks
from pytest_lmopt.lm.private_names import PrivateName
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.reports.stored_runs import find_run
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.stores.folder import StateFolder
from pytest_lmopt.stores.sqlite import SHARED, SqliteStores
from pytest_lmopt.strategies.journal import Journal
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Suite

TEST = """\
import pytest
from pytest_lmopt import Budget, Prompt, metrics
{head}
ROWS = [{{"id": f"e{{i}}", "inputs": {{"n": i}}, "expected": str(i)}} for i in range(12)]

@pytest.mark.lm_suite({mark})
def test_it(lm_example):
    {body}
"""
SHOUT = """\
shout = Prompt(name="shout", instruction="SHOUT the word.", inputs=["word"], output="loud")
"""
WITHOUT_SOCKETS = """
@pytest.fixture(autouse=True)
def without_sockets(monkeypatch):
    def none(*_):
        raise OSError(24, "Too many open files")
    monkeypatch.setattr("socket.socketpair", none)
"""
CALL = "return shout(word=str(lm_example.id)).text"
ANSWER = "return str(lm_example.inputs['n'])"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What somebody wrote, and the message that answers it; ``{path}`` is the project's folder.

    ``files`` are those besides the test, ``fault`` is what the provider does to every call.
    ``served`` says that litellm and a provider have a part in it.
    """

    error: type[LmoptError]
    message: str
    head: str = ""
    mark: str = "dataset=ROWS, metric=metrics.exact_match"
    body: str = ANSWER
    files: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    served: bool = False
    fault: Fault | None = None
    prepare: Callable[[Project], object] = repr

    def __str__(self) -> str:
        return self.error.__name__


def _foreign_recordings(project: Project) -> None:
    (project.path / ".lmopt").mkdir()
    with closing(sqlite3.connect(project.path / ".lmopt/recordings.sqlite")) as database, database:
        database.execute("CREATE TABLE recordings (key TEXT, request TEXT, answer TEXT)")


def _foreign_book(project: Project) -> None:
    (project.path / ".lmopt").mkdir()
    with closing(sqlite3.connect(project.path / ".lmopt/ledger.sqlite")) as database, database:
        database.execute("CREATE TABLE accounts (id INTEGER, session TEXT, owner TEXT)")


SERVER_DOWN = Mistake(
    error=errors.IncompleteError, served=True, head=SHOUT, body=CALL, fault=Fault(status=500),
    message=(
        "error: 8 of 8 runs have no answer, more than max_missing=0.02 of 8 allows; the first is "
        "example 'e0': no answer after 4 attempts; the last: InternalServerError: OpenAIException "
        "- fault. Nothing is judged. The other answers are recorded: once the model answers again, "
        "the same command asks only for what is missing"
    ),
)  # fmt: skip

MISTAKES = [
    Mistake(
        error=errors.InputError,
        head="""judge = metrics.Judge(
    Prompt(name="rubric", instruction="Rate.", inputs=["prediction"], output="score"), scale=(5, 1)
)""",
        message=(
            "{path}/test_it.py, line 3: Judge(scale=(5, 1)): (lowest, highest) expected, "
            "such as (1, 5)"
        ),
    ),
    Mistake(
        error=errors.PromptError,
        head='shout = Prompt.load("{path}/shout.yaml")',
        files={"shout.yaml": "instruction: SHOUT\ninputs: word\noutput: loud\n"},
        message=(
            "{path}/test_it.py, line 3: {path}/shout.yaml, line 2, field 'inputs': a list "
            "of names expected, found 'word'; write inputs: [word]"
        ),
    ),
    Mistake(
        error=errors.DatasetError,
        mark="dataset='tickets.jsonl'",
        message=(
            "error: test_it.py::test_it: dataset tickets.jsonl: no such file in {path}; a path is "
            "relative to the test's folder"
        ),
    ),
    Mistake(
        error=errors.DatasetError,
        mark="dataset=[{'input': {'n': 1}}]",
        message=(
            "error: test_it.py::test_it: dataset from a list: row 1 has 'input'; a row has id, "
            "inputs, expected, group and split"
        ),
    ),
    Mistake(
        error=errors.DatasetError,
        mark="dataset=[{'inputs': {'page': object()}}]",
        message=(
            "error: test_it.py::test_it: dataset from a list: row 1: inputs.page: a value with "
            "content expected, found an object of type object. Make it a dataclass, or give its "
            "text"
        ),
    ),
    Mistake(
        error=errors.BudgetError,
        mark="dataset=ROWS, budget=Budget(call=5)",
        message=(
            "{path}/test_it.py, line 6: Budget(call=5) is no limit; its limits are calls, "
            "tokens, usd, seconds, as in Budget(calls=600, usd=0.5)"
        ),
    ),
    Mistake(
        error=errors.BudgetError,
        mark="dataset=ROWS, budget=Budget(600)",
        message=(
            "{path}/test_it.py, line 6: Budget(600) is no limit; its limits are calls, "
            "tokens, usd, seconds, as in Budget(calls=600, usd=0.5)"
        ),
    ),
    Mistake(
        error=errors.BudgetError,
        mark="dataset=ROWS, budget=Budget(usd='1')",
        message="{path}/test_it.py, line 6: Budget(usd='1'): a positive number expected",
    ),
    Mistake(
        error=errors.SuiteError,
        mark="dataset=ROWS, metrik=metrics.exact_match",
        message=(
            "error: test_it.py::test_it: lm_suite has no argument 'metrik'; it takes dataset, "
            "metric, budget, threshold, margin, gate, require_baseline, repeats, model, "
            "max_missing, concurrency, near_duplicates, intercept"
        ),
    ),
    Mistake(
        error=errors.SuiteError,
        mark="dataset=ROWS[:4]",
        options=("--lm-optimize",),
        message=(
            "error: test_it.py::test_it: its 4 examples split into train/dev/holdout 0/2/2; a "
            "search needs some of each: give it about 50 examples or more, or a 'split' field in "
            "the data"
        ),
    ),
    Mistake(
        error=errors.SnapshotError,
        files={
            "__lm_snapshots__/test_it/test_it.yaml": "version: 3\n",
            "__lm_snapshots__/test_it/test_it.scores.csv": "id,score,example\n",
        },
        message=(
            "error: {path}/__lm_snapshots__/test_it/test_it.yaml: unknown format version: expected "
            "1 or 2, found 3. Update pytest-lmopt"
        ),
    ),
    Mistake(
        error=errors.RecordError,
        files={"records/test_it.jsonl": "{\n"},
        options=("-o", "lm_record=records"),
        message=(
            "error: {path}/records/test_it.jsonl, line 1: no JSON (Expecting property name "
            "enclosed in double quotes: line 1 column 2 (char 1)); restore the file from git, or "
            "delete it and run --lm-snapshot-update to make it anew"
        ),
    ),
    Mistake(
        error=errors.UnmeteredError,
        head="import socket",
        body="return socket.create_connection(('localhost', 9))",
        options=("--lm-cache=replay",),
        message=(
            "error: the pipeline opens a connection past the plugin: under --lm-cache=replay, only "
            "calls that can be counted and recorded expected, found a connection to localhost:9, "
            "which was refused. If localhost serves models, ask it through a client that the "
            "plugin knows (Prompt, litellm, an SDK on httpx); if not, add "
            '"off: localhost:9" to the ini value lm_intercept, or set intercept="off" in lm_suite '
            "for this suite alone"
        ),
    ),
    Mistake(
        error=errors.ClusterError,
        options=("--lm-executor=dask://127.0.0.1:9",),
        message=(
            "ERROR: --lm-executor=dask://127.0.0.1:9: no scheduler answers there (OSError: Timed "
            "out trying to connect to tcp://127.0.0.1:9 after 0.2 s); start one with 'dask "
            "scheduler', or correct the address"
        ),
    ),
    Mistake(
        error=errors.StrategyError,
        options=("-o", "lm_meta_prompts=prompts"),
        message=(
            "ERROR: ini value lm_meta_prompts: there is no folder {path}/prompts; a path is "
            "relative to the root folder"
        ),
    ),
    Mistake(
        error=errors.ModelError,
        served=True,
        head=SHOUT,
        body=CALL,
        options=("-o", "lm_model="),
        message=(
            "error: prompt 'shout' has no model: set one with --lm-model=MODEL, lm_model in the "
            "pytest configuration, LMOPT_MODEL, or 'model:' in the prompt file ('local' is the "
            "packaged one)"
        ),
    ),
    Mistake(
        error=errors.ModelError,
        served=True,
        head=SHOUT,
        body=CALL,
        options=("--lm-model=gpt",),
        message=(
            "error: model 'gpt' names no provider litellm knows; write it as provider/model, such "
            "as openai/gpt-4o-mini, or 'local'"
        ),
    ),
    SERVER_DOWN,
    replace(
        SERVER_DOWN,
        error=errors.MissingAnswerError,
        message="no answer after 4 attempts; the last: InternalServerError: f",
    ),
    replace(
        SERVER_DOWN,
        error=errors.TransientError,
        message="InternalServerError: fault",
    ),
    replace(
        SERVER_DOWN,
        error=errors.RefusedError,
        fault=Fault(status=400),
        message=(
            "failed: the pipeline raised on every example, first RefusedError: BadRequestError: "
            "fault"
        ),
    ),
    Mistake(
        error=errors.UnrecordedError,
        head=SHOUT,
        body=CALL,
        options=("--lm-cache=replay",),
        message=(
            "error: 8 requests are not recorded, and --lm-cache=replay asks no model: 8 of prompt "
            "shout ('e0', 'e1', 'e2', …). Nothing is judged. To record them, and those that "
            "follow from their answers, run the same without --lm-cache=replay where the model can "
            "be asked; with --lm-record=DIR it also writes them to files to commit"
        ),
    ),
    Mistake(
        error=errors.AnswerError,
        head=SHOUT.replace('output="loud"', 'outputs=["loud", "soft"], format="json"'),
        body=CALL,
        message=(
            "failed: the pipeline raised on every example, first AnswerError: the answer holds no "
            "JSON object; the answer was 'no idea'"
        ),
    ),
    Mistake(
        error=errors.BudgetExhaustedError,
        head=SHOUT,
        mark="dataset=ROWS, budget=Budget(calls=3)",
        body=CALL,
        options=("--lm-concurrency=1",),
        message=(
            "budget-stopped: the budget of test_it.py::test_it (3 calls) is used up: 3 calls so "
            "far; raise calls. 0 runs "
        ),
    ),
    Mistake(
        error=errors.MetricError,
        mark="dataset=ROWS, metric=lambda example, prediction: example.expectd",
        message=(
            "error: metric failed on example 'e0': AttributeError: 'Example' object has no "
            "attribute 'expectd' ({path}/test_it.py, line 6)"
        ),
    ),
    Mistake(
        error=errors.MetricError,
        mark="dataset=[{'id': 'e1', 'inputs': {'n': 1}}], metric=metrics.contains",
        message=(
            "error: metric failed on example 'e1': ValueError: the expected value None holds "
            "nothing to look for. Give the row one, or drop the row"
        ),
    ),
    Mistake(
        error=errors.MetricError,
        mark="dataset=ROWS, metric=lambda example, prediction: 70",
        message=(
            "error: metric failed on example 'e0': returned 70.0, which is outside [0, 1]; scale "
            "it into that range"
        ),
    ),
    Mistake(
        error=errors.RecordingsError,
        head=SHOUT,
        body=CALL,
        prepare=_foreign_recordings,
        message=(
            "the recorded answers in {path}/.lmopt/recordings.sqlite can't be used: its table of "
            "recordings is not ours; move the file away; run without them with --lm-cache=off"
        ),
    ),
    Mistake(
        error=errors.BookError,
        head=SHOUT,
        body=CALL,
        prepare=_foreign_book,
        message=(
            "the account book {path}/.lmopt/ledger.sqlite can't be used: its table of "
            "accounts is not ours; move the file away; nothing is spent without it, so make it "
            "writable, move it away to begin a new one, or run with --lm-cache=off, which keeps "
            "neither book nor answers"
        ),
    ),
    Mistake(
        error=errors.TelemetryError,
        options=("-o", "lm_otel=true"),
        message=(
            "lm_otel is on, but nothing says where spans are to go: set "
            "OTEL_EXPORTER_OTLP_ENDPOINT, or a tracer provider in conftest.py"
        ),
    ),
    Mistake(
        error=errors.LostContextError,
        head=(
            "from multiprocessing.pool import ThreadPool\nfrom threading import Barrier\n"
            f"POOL, TWO = ThreadPool(4), Barrier(2)\n{SHOUT}"
        ),
        body="TWO.wait(5); return POOL.apply(shout, (), {'word': 'a'}).text",
        message=(
            "error: prompt 'shout' was called on a thread that knows no run, while several are "
            "under way: a thread that the pipeline starts expected, found one that was started "
            "before, such as a worker with a queue. Put pytest_lmopt.carry_context(function) into "
            "the queue in place of the function, or set concurrency=1 in lm_suite"
        ),
    ),
    Mistake(
        error=errors.EventLoopError,
        head=WITHOUT_SOCKETS,
        message=(
            "error: no event loop can be opened (OSError: [Errno 24] Too many open files), and a "
            "suite runs on one; let it have a socket pair"
        ),
    ),
]


@pytest.fixture
def raised(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> list[LmoptError]:
    """The errors of ours that come into being, by a clock that jumps over the waits."""
    found: list[LmoptError] = []
    begin = LmoptError.__init__

    def noted(self: LmoptError, problem: str) -> None:
        begin(self, problem)
        found.append(self)

    monkeypatch.setattr(LmoptError, "__init__", noted)
    monkeypatch.setattr("pytest_lmopt.blocks.dask.cluster.CONNECT_SECONDS", 0.2)
    return found


def _written(project: Project, mistake: Mistake) -> None:
    text = TEST.format(head=mistake.head, mark=mistake.mark, body=mistake.body)
    project.write("test_it.py", text.replace("{path}", str(project.path)))
    for name, content in mistake.files.items():
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        project.write(name, content)
    mistake.prepare(project)


def _answered(project: Project, raised: list[LmoptError], mistake: Mistake) -> None:
    """An option is a usage error, what ends an import one of its module, all else of the suite."""
    _written(project, mistake)
    result = project.run(*mistake.options)
    assert mistake.error in map(type, raised)
    message = mistake.message.replace("{path}", str(project.path))
    lines = result.errlines if message.startswith("ERROR: ") else result.outlines
    assert any(message in line for line in lines), "\n".join(result.outlines + result.errlines)
    status = pytest.ExitCode.TESTS_FAILED
    if lines is result.errlines:
        status = pytest.ExitCode.USAGE_ERROR
    elif mistake.message.startswith("{path}/test_it.py, line"):
        status = pytest.ExitCode.INTERRUPTED  # the module can't be imported
    assert result.ret == status
    told = "\n".join(result.outlines + result.errlines)
    assert "Traceback" not in told
    assert "During handling" not in told
    assert not [line for line in result.outlines if re.search(r"pytest_lmopt.\w+.*:\d+: ", line)]


@pytest.mark.parametrize("mistake", [each for each in MISTAKES if not each.served], ids=str)
def test_a_mistake_is_answered_in_words(
    project: Project, raised: list[LmoptError], mistake: Mistake
) -> None:
    """In the words of the catalogue, with its kind of error and without a traceback."""
    _answered(project, raised, mistake)


@pytest.mark.parametrize("mistake", [each for each in MISTAKES if each.served], ids=str)
def test_so_is_one_that_a_provider_finds(
    project: Project, openai_server: OpenAIServer, raised: list[LmoptError], mistake: Mistake
) -> None:
    """The provider's own words are in the message."""
    openai_server.fault = lambda _: mistake.fault
    _answered(project, raised, mistake)


def test_a_client_whose_calls_can_not_be_seen_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails before a suite's fixtures are set up is no traceback either."""
    gone = PrivateName(module="httpx", attribute="HTTPTransport.gone", why="sends requests")
    monkeypatch.setattr(hooks, "CLIENTS", {"httpx": (gone,)})
    # a thread that another test left behind may hold the hooks
    monkeypatch.setattr(hooks, "_open", 0)
    monkeypatch.setattr(hooks, "_placed", ExitStack())
    hooks._replacements.cache_clear()
    _written(project, Mistake(error=errors.PackageError, message=""))
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the installed httpx * can't be used: expected httpx.HTTPTransport.gone (sends "
            "requests), found no such name. Install an older release: *"
        ]
    )
    result.stdout.no_fnmatch_line("*setting_up*")


def test_a_file_that_workers_can_not_share_is_named(tmp_path: Path) -> None:
    """With the way to do without workers."""
    folder = StateFolder(tmp_path, session="session-1")
    (folder.made_for_session() / SHARED).mkdir()
    with pytest.raises(errors.SessionFileError) as caught:
        SqliteStores(folder).open_shared()
    assert re.fullmatch(
        rf"{folder.session_path / SHARED}, which all workers share, can't be used: "
        r"shared.sqlite: expected a file, found a folder; run without them \(-n 0\)",
        str(caught.value),
    )


def test_a_journal_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """Where its folder should be lies a file."""
    (tmp_path / "journals").write_text("a file")
    path = tmp_path / "journals" / "suite.jsonl"
    with pytest.raises(errors.JournalError) as caught:
        Journal(path).begin({})
    assert str(caught.value) == (
        f"the journal {path} of the search can't be written: File exists; make room or make it "
        "writable, or run with --lm-cache=off, which keeps none"
    )


def test_examples_that_end_their_workers_are_named(tmp_path: Path) -> None:
    """Here each of three workers takes the last block, and is lost."""
    shared = SqliteStores(StateFolder(tmp_path, session="session-1")).open_shared()
    examples = load_dataset(
        [{"id": f"e{number}", "inputs": {"n": number}} for number in range(6)], beside=tmp_path
    )
    lost: list[str] = []
    one_at_a_time = threading.Lock()

    def pipeline(_: Example) -> str:
        with one_at_a_time:
            while len(lost) < MOST_LOSSES:
                if shared.queue.take("suite", worker := f"gw{len(lost)}"):
                    lost.append(worker)
                    shared.queue.lose(worker)
        return ""

    async def lead() -> None:
        suite = Suite(name="suite", pipeline=pipeline, dataset=examples)
        with InProcessExecutor(lm=FunctionLM(lambda _: "")) as executor:
            local = LocalRunner(suite, executor)
            leader = LeadingRunner(local, queue=shared.queue, worker="gw9", hands=2)
            nobody = Candidate(name="incumbent", states={})
            blocks = [Block(candidate=nobody, examples=(each,), repeat=0) for each in examples]
            async for _ in leader.run(blocks):
                pass

    with pytest.raises(errors.WorkersLostError) as caught:
        asyncio.run(lead())
    shared.close()
    assert re.fullmatch(
        r"3 workers were lost while they ran the examples 'e\d'; one of them seems to end its "
        r"process\. Run them without -n to see what happens",
        str(caught.value),
    )


def test_a_run_that_is_not_stored_is_told_with_those_that_are(tmp_path: Path) -> None:
    """``python -m pytest_lmopt report`` ends with it."""
    (tmp_path / "20261101-120000.json").touch()
    with pytest.raises(errors.ReportError) as caught:
        find_run("yesterday", tmp_path)
    assert str(caught.value) == (
        f"yesterday: no run of that name is stored in {tmp_path}; the last ones are 20261101-120000"
    )


def test_a_release_that_lacks_a_private_name_makes_the_suite_an_error(
    project: Project, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model is asked: without that name a promise would be lost silently."""
    gone = PrivateName(module="litellm", attribute="gone", why="asks once")
    monkeypatch.setattr("pytest_lmopt.lm.private_names.LITELLM", (gone,))
    _written(project, Mistake(error=errors.PackageError, message="", head=SHOUT, body=CALL))
    result = project.run("--lm-engine=litellm")
    installed = version("litellm")
    message = (
        f"error: the installed litellm {installed} can't be used: expected litellm.gone (asks "
        "once), found no such name. Install an older release: "
        f"pip install 'litellm<{installed}', or a newer pytest-lmopt"
    )
    assert message in [line.strip() for line in result.outlines]
    assert openai_server.calls == 0


def _kinds(error: type[LmoptError]) -> Iterator[type[LmoptError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _kinds(kind)


def test_every_error_has_its_entry() -> None:
    """Whoever adds one adds the message here.

    ``LMError`` is never raised itself, and ``CallerLeftError`` is only raised where its call's
    client has gone.
    """
    told_above = {
        LmoptError,
        errors.ReportError,
        errors.SessionFileError,
        errors.JournalError,
        errors.PackageError,
        errors.WorkersLostError,
    }
    told = {mistake.error for mistake in MISTAKES} | told_above
    ours = {kind for kind in _kinds(LmoptError) if kind.__module__.startswith(errors.__name__)}
    assert ours - told == {errors.LMError, errors.CallerLeftError}


def test_the_traceback_is_there_for_who_wants_it(project: Project) -> None:
    """With --lm-debug: of a usage error, a metric's and a pipeline's exception, with its causes."""
    for mark, body, told in (
        ("dataset='t.jsonl'", ANSWER, "*FileNotFoundError: *"),
        ("dataset=ROWS, metric=lambda e, _: e.expectd", ANSWER, "*AttributeError: *'expectd'"),
        ("dataset=ROWS, metric=metrics.exact_match", "return {}['a']", "*KeyError: 'a'"),
    ):
        _written(project, Mistake(error=LmoptError, message="", mark=mark, body=body))
        shown = [
            "\n".join([*result.outlines, *result.errlines])
            for result in (project.run(), project.run("--lm-debug"))
        ]
        assert ["Traceback (most recent call last)" in text for text in shown] == [False, True]
        assert any(fnmatch(line, told) for line in shown[1].splitlines())
