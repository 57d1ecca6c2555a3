"""The folder ``.lmopt``: what is kept from session to session, and what each has for itself."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from pytest_lmopt.lm.processes import alive

STATE_FOLDER = ".lmopt"
FORGOTTEN_SECONDS = 24 * 3600
UNSEEN_SECONDS = 7 * FORGOTTEN_SECONDS
"""The same for a session whose process can't be seen from here, in another container."""


class StateFolder:
    """The folder under ``root``, and in it that of a session, ``session-<token>-<anything>``.

    Neither is made before it is needed. Where the first can't be written, the second lies in the
    system's folder for temporary files.
    """

    def __init__(self, root: Path, *, session: str) -> None:
        self.path = root / STATE_FOLDER
        self._session = session

    @property
    def session_path(self) -> Path:
        """Where the session's own folder is, or will be."""
        elsewhere = Path(tempfile.gettempdir()) / f"lmopt-{self._session}"
        return elsewhere if elsewhere.is_dir() else self.path / self._session

    def made(self) -> Path:
        """Its path, once it is there."""
        self.path.mkdir(exist_ok=True)
        ignore = self.path / ".gitignore"
        with suppress(FileExistsError), ignore.open("x") as file:
            file.write("*\n")
        return self.path

    def made_for_session(self) -> Path:
        """The path of the session's own, once it is there; those of sessions long gone are not."""
        try:
            return self._made_for_session()
        except OSError:
            elsewhere = Path(tempfile.gettempdir()) / f"lmopt-{self._session}"
            elsewhere.mkdir(mode=0o700, exist_ok=True)
            return elsewhere

    def _made_for_session(self) -> Path:
        if self.session_path.is_dir():
            return self.session_path
        for left in self.made().glob("session-*-*"):
            # a killed session's; not a fresh one, which may be of another machine
            with suppress(OSError):  # another session may be removing it as well
                age = time.time() - left.lstat().st_mtime
                runs = alive(left.name.split("-")[1])
                if not runs and age > (FORGOTTEN_SECONDS if runs is False else UNSEEN_SECONDS):
                    shutil.rmtree(left, ignore_errors=True)
        self.session_path.mkdir(exist_ok=True)
        return self.session_path
