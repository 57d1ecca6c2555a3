"""What one pytest process holds while suites run: provider, recordings, accounts, reports."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.plugin.options import Options

if TYPE_CHECKING:
    from pytest_lmopt.assessment.sharing import Trying
    from pytest_lmopt.blocks.dask.cluster import Cluster
    from pytest_lmopt.blocks.queue import Part, Queue
    from pytest_lmopt.errors import BookError
    from pytest_lmopt.lm.faults.concurrency import Ways
    from pytest_lmopt.lm.local.model import LocalModel
    from pytest_lmopt.lm.money.protocol import Book
    from pytest_lmopt.lm.recordings.protocol import Recordings
    from pytest_lmopt.lm.seam import LM
    from pytest_lmopt.lm.stack import Traffic
    from pytest_lmopt.lm.telemetry.spans import Telemetry
    from pytest_lmopt.lm.tracing import RunContext
    from pytest_lmopt.plugin.records import BrokenSuite, MarkedSuite
    from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport
    from pytest_lmopt.reports.transfer import Transfer
    from pytest_lmopt.stores.folder import StateFolder
    from pytest_lmopt.stores.protocol import SharedStore, Stores
    from pytest_lmopt.wire import Completion

WORKER_KEY = "lmopt"
LANE_MODES = ("load", "worksteal")
"""The ways xdist distributes tests (``--dist``) in which a suite may use all workers."""

PROPERTY = "lm_suite"
"""Name of the test property that carries a suite's report from its process to the owner."""
ENDED = "lm_ended"
"""Name of the one that says that the suite ended the session: its reason and exit status."""
NOTICES_KEY = "lm_notices"
"""Name under which a worker leaves its notices when it ends."""


def stores_in(folder: StateFolder, clock: Clock = SYSTEM) -> Stores:
    """The stores of a project: here, and nowhere else, their backend is chosen."""
    from pytest_lmopt.stores.sqlite import SqliteStores

    return SqliteStores(folder, clock=clock)


class LmSession:
    """Shared by all suites of this process; nothing is opened before a suite needs it.

    Under xdist the controller owns the session: its name and its process's token travel to the
    workers, so that all find the same folder and the local model's server ends with the controller.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        given = getattr(config, "workerinput", {}).get(WORKER_KEY)
        self.options = options
        self.clock = config.stash.get(clock_key, SYSTEM)
        self.root = config.rootpath
        self.is_worker = hasattr(config, "workerinput")
        self.started = float(given["started"]) if given else self.clock.time()
        self.encoding = str(given["encoding"]) if given else "utf-8"  # until the terminal is there
        self._given = given
        worker = getattr(config, "workerinput", {})
        self.worker = str(worker.get("workerid", "the only process"))
        dist, workers = (given["dist"], int(worker["workercount"])) if given else ("no", 1)
        self.lanes = workers if dist in LANE_MODES else 1
        self.copies = workers if dist == "each" else 1
        self.parts: dict[str, Part] = {}
        self.losses: set[str] = set()
        self.told: set[str] = set()
        self.suites: dict[str, MarkedSuite] = {}
        self.broken: dict[str, BrokenSuite] = {}
        self.entered: dict[str, str] = {}
        self.reports: dict[str, SuiteReport] = {}
        self.interrupted = False
        self.ended: tuple[str, int | None] | None = None
        self.lines: dict[str, int] = {}
        self.partial = False
        self.collecting: RunContext | None = None
        self.orphans: tuple[str, ...] = ()
        self.former: dict[str, Path] = {}
        self.written: list[str] = []
        self.removed: list[str] = []
        self.trying: Trying | None = None
        self.transfers: list[Transfer] = []
        self.checks: dict[str, SharedCheck] = {}
        self.refused: list[str] = []
        self.notices: list[str] = []
        self.closing = ExitStack()
        self.cluster: Cluster | None = None
        self._stores: Stores | None = None
        self._book: Book | None = None
        self._passing = False
        self._store: Recordings | None = None
        self._committed: Mapping[str, Completion] | None = None
        self._local: LocalModel | None = None
        self._provider: LM | None = None
        self._traffic: Traffic | None = None
        self._telemetry: Telemetry | None = None
        self._shared: SharedStore | None = None

    @cached_property
    def owner(self) -> str:
        """The token of the process that owns the session."""
        from pytest_lmopt.lm.processes import own_token

        return str(self._given["owner"]) if self._given else own_token()

    @cached_property
    def name(self) -> str:
        """The session's name, which no other session has."""
        if self._given:
            return str(self._given["name"])
        return f"session-{self.owner}-{secrets.token_hex(4)}"

    @cached_property
    def folder(self) -> StateFolder:
        """The project's folder of state, and in it the session's own."""
        from pytest_lmopt.stores.folder import StateFolder

        return StateFolder(self.root, session=self.name)

    @property
    def alpha(self) -> float:
        """The level each suite is judged at: its share, where they are judged as one family."""
        from pytest_lmopt.comparison.verdict import ALPHA

        count = len(self.suites) + len(self.broken)
        return ALPHA / max(1, count) if self.options.family else ALPHA

    @property
    def needs_no_keys(self) -> bool:
        """Whether no request of a pipeline's own clients leaves this machine."""
        if self.options.cache == "replay":
            return True
        if not (self.options.model or "").startswith("local"):  # without what it takes to know more
            return False
        from pytest_lmopt.wire import is_local

        return is_local(str(self.options.model))

    def for_workers(self, *, dist: str) -> dict[str, object]:
        """What a worker must know to join this session; ``dist`` as the option of that name."""
        return {
            "owner": self.owner,
            "name": self.name,
            "started": self.started,
            "encoding": self.encoding,
            "dist": dist,
        }

    def provider(self, offered: LM | None) -> LM:
        """Find the way to all models, or to the LM that the user offers for a suite."""
        from pytest_lmopt.lm.engine.services import is_known
        from pytest_lmopt.lm.litellm_loading import load_litellm
        from pytest_lmopt.lm.local.model import LocalModel
        from pytest_lmopt.lm.money.prices import give_prices
        from pytest_lmopt.lm.stack import Provider

        timeout, engine = self.options.timeout, self.options.engine
        if self._local is None:
            give_prices(self.options.prices)
            self._local = LocalModel(
                folder=self.folder.made_for_session,
                owner=self.owner,
                engine=engine,
                timeout=timeout,
            )
        if offered is not None:
            return Provider(self._local, offered=offered, timeout=timeout, clock=self.clock)
        if self._provider is None:
            self._provider = Provider(self._local, engine=engine, timeout=timeout, clock=self.clock)
            may_wait = self.options.example_timeout is None or self.options.cache == "replay"
            if not may_wait and (engine == "litellm" or not is_known(self.options.model)):
                load_litellm()  # takes seconds, which must not count as the first examples' time
        return self._provider

    @property
    def traffic(self) -> Traffic:
        """What the session knows of its providers: how much they take, what can't be used."""
        from pytest_lmopt.lm.faults.circuit import Circuit
        from pytest_lmopt.lm.faults.concurrency import Gates
        from pytest_lmopt.lm.stack import Traffic

        if self._traffic is None:
            gates = Gates(self.options.concurrency, self.shared, self.clock)
            self._traffic = Traffic(gates=gates, circuit=Circuit(self.shared))
        return self._traffic

    @property
    def telemetry(self) -> Telemetry | None:
        """Where spans are sent; None where none were asked for. Raises ``TelemetryError``."""
        if self._telemetry is None and self.options.otel:
            from pytest_lmopt.lm.telemetry.destination import open_telemetry

            self._telemetry = open_telemetry()
            self.closing.callback(self._telemetry.close)
        return self._telemetry

    @property
    def stores(self) -> Stores:
        """Where all that its processes share is kept."""
        if self._stores is None:
            self._stores = stores_in(self.folder, self.clock)
        return self._stores

    @property
    def shared(self) -> SharedStore | None:
        """What workers tell each other; None where there are none, or none has begun."""
        if self._shared is None and (self.is_worker or self.stores.is_shared):
            from pytest_lmopt.errors import SessionFileError
            from pytest_lmopt.safe_text import shown

            try:
                self._shared = self.stores.open_shared()
            except SessionFileError as error:
                pytest.fail(shown(str(error)), pytrace=False)
            self.closing.callback(self._shared.close)
        return self._shared

    def slots(self, suite: str, *, here: int, together: int | None) -> Ways | None:
        """A new way in for a suite's examples; None where no other process runs any.

        At most ``here`` at a time in this process, ``together`` in all, and of all suites as many
        as the option says.
        """
        import asyncio

        from pytest_lmopt.lm.faults.concurrency import Gate, Ways

        if self.shared is None:
            return None
        shared, most = self.shared, self.options.concurrency
        of_suite = [] if together is None else [shared.turns(f"examples of {suite}", most=together)]
        gates = [
            Gate(turns, self.clock) for turns in (*of_suite, shared.turns("examples", most=most))
        ]
        return Ways(asyncio.Semaphore(here), *gates)

    @property
    def store(self) -> Recordings | None:
        """The recordings; None where they are off. Raises ``RecordingsError``."""
        if self._store is None and self.options.cache != "off":
            self._store = self.stores.open_recordings()
            self.closing.callback(self._store.close)
            self.notices += filter(None, [self._store.notice])
        return self._store

    @contextmanager
    def noting_use(self) -> Iterator[None]:
        """Write down at the end which recordings were read."""
        from pytest_lmopt.errors import LmoptError

        try:
            yield
        finally:
            if self._store is not None:
                with suppress(LmoptError):  # then pruning knows less of what is of use
                    self._store.note_use()

    @property
    def committed(self) -> Mapping[str, Completion]:
        """The recordings in the record files; raises ``RecordError`` for what is none."""
        folder, mode = self.options.record, self.options.cache
        if self._committed is not None:
            return self._committed
        if folder is None or mode not in ("auto", "replay"):
            self._committed = {}
            return self._committed
        from pytest_lmopt.lm.recordings.files import read_records

        self._committed = read_records(folder)
        return self._committed

    @property
    def book(self) -> Book:
        """The account book, which all processes share."""
        if self._book is None:
            self._book = self.stores.open_book()
            self.closing.callback(self._book.close)
            self.notices += filter(None, [self._book.notice])
        return self._book

    def give_up_book(self, error: BookError) -> None:
        """Go on with a book that ends with the session, where no answers are kept, either.

        Then nothing could be continued. Raises the error where answers are kept, or where it is
        about that book.
        """
        from pytest_lmopt.lm.money.book import SqliteBook

        if self.options.cache != "off" or self._passing:
            raise error
        self._passing = True
        self._book = (
            self.stores.open_passing_book() if self.is_worker else SqliteBook(clock=self.clock)
        )
        if self.is_worker:
            self.closing.callback(self._book.close)
        self.notices.append(
            f"the account book {error.path} can't be used: {error.problem}; this run has one of "
            "its own, which ends with it"
        )

    def note(self, notices: Iterable[str]) -> None:
        """Add notices to those to show, each once."""
        self.notices += [notice for notice in notices if notice not in self.notices]

    @property
    def ran(self) -> bool:
        """Whether any suite has begun, here or in a worker."""
        return bool(self.reports or self.suites or self.stores.is_shared)

    @property
    def queue(self) -> Queue | None:
        """The queue that lanes take blocks from; None where there are none, or none has begun."""
        return None if self.shared is None else self.shared.queue

    def journal(self, suite: str) -> Path | None:
        """Where a suite's search keeps its journal; nowhere if no answer of it is recorded."""
        from pytest_lmopt.canonical import digest

        if self.options.cache != "auto":
            return None
        return self.folder.made() / "journals" / f"{digest(suite)}.jsonl"

    def examples_file(self, suite: str) -> Path:
        """Where a suite's process leaves the rows of its examples for the session's owner."""
        from pytest_lmopt.canonical import digest

        return self.folder.made_for_session() / "examples" / f"{digest(suite)}.jsonl"

    def close(self) -> None:
        """Close what was opened; the owner also stops the session's servers and ends its folder."""
        if not self.reports and "name" not in vars(self):  # nothing was opened, here or elsewhere
            return self.closing.close()
        from pytest_lmopt.errors import LmoptError

        # its suites have reported: the next session finds what can't be put in order now
        with suppress(LmoptError):
            if self._shared is not None:
                for suite in self.parts:
                    self._shared.queue.finish(suite, self.worker)
        with suppress(LmoptError):
            if not self.is_worker and self.reports:
                self.book.close_accounts(self.name)
        with suppress(LmoptError):
            self.closing.close()
        folder = self.folder.session_path
        if not self.is_worker and folder.exists():
            from pytest_lmopt.lm.local.model import stop_servers

            stop_servers(folder)
            shutil.rmtree(folder, ignore_errors=True)


clock_key = pytest.StashKey[Clock]()
"""Where another plugin, loaded before ours, puts a clock in place of the machine's."""

session_key = pytest.StashKey[LmSession]()
