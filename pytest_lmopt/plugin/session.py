"""What one pytest process holds while suites run: provider, recordings, accounts, reports."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_lmopt.plugin.options import Options

if TYPE_CHECKING:
    from pytest_lmopt.lm.ledger import Account
    from pytest_lmopt.lm.recordings import RecordingStore
    from pytest_lmopt.lm.seam import LM
    from pytest_lmopt.plugin.marks import BudgetMark, MarkedSuite
    from pytest_lmopt.reports.suite_report import SharedCheck, SuiteReport

STATE_FOLDER = ".lmopt"
WORKER_KEY = "lmopt"
PROPERTY = "lm_suite"
"""Name of the test property that carries a suite's report from its process to the owner."""


class LmSession:
    """Shared by all suites of this process; nothing is opened before a suite needs it.

    Under xdist the controller owns the session: its name and process id travel to the workers, so
    that all find the same folder and the local model's server ends with the controller.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        given = getattr(config, "workerinput", {}).get(WORKER_KEY)
        self.options = options
        self.root = config.rootpath
        self.is_worker = hasattr(config, "workerinput")
        self.owner_pid = given["pid"] if given else os.getpid()
        self._name = given["name"] if given else f"session-{os.getpid()}-{secrets.token_hex(4)}"
        self.suites: dict[str, MarkedSuite] = {}
        self.problems: dict[str, str] = {}
        self.reports: dict[str, SuiteReport] = {}
        self.partial = False
        self.orphans: tuple[str, ...] = ()
        self.written: list[str] = []
        self.removed: list[str] = []
        self.changes: dict[str, str] = {}
        self.checks: dict[str, SharedCheck] = {}
        self.refused: list[str] = []
        self._accounts: dict[int, Account] = {}
        self._store: RecordingStore | None = None
        self._provider: LM | None = None

    @property
    def for_workers(self) -> dict[str, object]:
        """What a worker must know to join this session."""
        return {"pid": self.owner_pid, "name": self._name}

    @property
    def provider(self) -> LM:
        """The session's way to all models."""
        from pytest_lmopt.lm.local import LocalModel
        from pytest_lmopt.lm.stack import Provider

        if self._provider is None:
            self._provider = Provider(LocalModel(folder=self._folder, owner_pid=self.owner_pid))
        return self._provider

    @property
    def store(self) -> RecordingStore | None:
        """The recordings under the root folder; None where they are off."""
        from pytest_lmopt.errors import RecordingsError
        from pytest_lmopt.lm.recordings import RecordingStore

        if self._store is None and self.options.cache != "off":
            try:
                self._store = RecordingStore(self._state() / "recordings.sqlite")
            except RecordingsError as error:
                pytest.fail(str(error), pytrace=False)
        return self._store

    def account(self, mark: BudgetMark) -> Account:
        """The account of a budget; suites under the same mark get the same one."""
        from pytest_lmopt.lm.ledger import Account

        if mark.shared and self.is_worker:
            raise pytest.UsageError(
                f"the budget of {mark.owner} is shared by several suites, which xdist workers "
                "can't do yet: give each suite its own budget, or run without -n"
            )
        return self._accounts.setdefault(mark.mark, Account(mark.budget, owner=mark.owner))

    def close(self) -> None:
        """Close the store; the owner also stops the session's servers and removes its folder."""
        if self._store is not None:
            self._store.close()
            self._store = None
        folder = self.root / STATE_FOLDER / self._name
        if not self.is_worker and folder.exists():
            from pytest_lmopt.lm.local import stop_servers

            stop_servers(folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> Path:
        folder = self._state() / self._name
        folder.mkdir(exist_ok=True)
        return folder

    def _state(self) -> Path:
        state = self.root / STATE_FOLDER
        state.mkdir(exist_ok=True)
        ignore = state / ".gitignore"
        with suppress(FileExistsError), ignore.open("x") as file:
            file.write("*\n")
        return state


session_key = pytest.StashKey[LmSession]()
