"""Whether another process of this machine still runs."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process with this number runs here, whoever's it is.

    One that has ended, but whose parent has not noticed yet, does not run; only Linux tells.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):
        # the name, which is in brackets, may hold anything
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in b"ZX"
    return True
