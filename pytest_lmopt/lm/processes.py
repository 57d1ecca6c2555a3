"""Whether another process of this machine still runs."""

from __future__ import annotations

import os


def alive(pid: int) -> bool:
    """Whether a process with this number runs here, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
