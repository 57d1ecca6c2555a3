"""The local model's server process: ``python -m pytest_lmopt.lm.local.server GGUF OWNER NOTE``.

Serves the OpenAI protocol on a free loopback port, writes URL and process to the file NOTE when it
answers, and ends when the process with the token OWNER is gone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from pytest_lmopt.lm.processes import alive, own_token

SLOTS = 4
CONTEXT_TOKENS = 2048
CACHE_MIB = 192
"""Room for prompts that take turns: as many of the packaged model's tokens as all slots hold."""
POLL_SECONDS = 0.25
SPINS = 300
"""Turns of a waiting thread's loop before it sleeps: 100 answer less alone, 1,000 beside others."""


def main(model: str, owner: str, note: Path) -> None:
    """Serve until the owner is gone or this process is terminated."""
    limit_spinning(os.environ)
    import xllamacpp

    server = xllamacpp.Server(parameters(model))
    draft = note.with_suffix(".draft")
    facts = {"url": server.listening_address, "pid": os.getpid(), "process": own_token()}
    draft.write_text(json.dumps(facts), "utf-8")
    draft.rename(note)
    # where the owner can't be seen, its child that started this server stands for it
    parent = os.getppid()
    while (runs := alive(owner)) or (runs is None and os.getppid() == parent):
        time.sleep(POLL_SECONDS)
    # the server's threads would keep the process: its owner is gone, nothing is left to save
    os._exit(0)


def limit_spinning(environment: MutableMapping[str, str]) -> None:
    """Let a thread that waits for the others sleep soon; keep what the user sets.

    llama.cpp's threads wait for each other hundreds of times a token. GNU OpenMP lets them spin up
    to 300,000 turns first. Where anything else computes, the spinning thread keeps the core from
    the one that all wait for. OpenMP reads the variable when xllamacpp loads it. Builds without
    OpenMP ignore it.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", str(SPINS))


def threads() -> int:
    """Return one thread for each core that this process may use.

    On two cores beside a process that computes, one thread answers 10 to 30 % more requests, but
    on a quiet machine 37 to 40 % fewer (``benchmarks/README.md``).
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2


def parameters(model: str) -> Any:
    """Return xllamacpp's parameters of a server for the model file ``model``."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
    params.cache_ram_mib = CACHE_MIB
    params.offline = True
    params.warmup = False
    params.ui = False
    params.verbosity = 1
    return params


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
