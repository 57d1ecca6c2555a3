"""A connection pool for each event loop that an async client is used on.

httpx's pools belong to the loop that first used them. A client that several threads' loops share,
as pydantic-ai's, would wait for ever for connections of another loop.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from typing import Any
from weakref import WeakKeyDictionary

_Loops = WeakKeyDictionary[asyncio.AbstractEventLoop, Any]

_lock = threading.Lock()
_transports: WeakKeyDictionary[Any, _Loops] = WeakKeyDictionary()


def of_this_loop(transport: Any) -> Any:
    """The transport itself on the first loop that uses it, a copy with a pool of its own on others.

    The same object for a transport without a pool of httpx's.
    """
    if not hasattr(transport, "_pool"):
        return transport
    loop = asyncio.get_running_loop()
    with _lock:
        loops = _transports.setdefault(transport, WeakKeyDictionary())
        if loop not in loops:
            loops[loop] = _copy(transport) if loops else None
        # the first loop's entry holds no transport: it would keep its own key alive
        return loops[loop] or transport


def _copy(transport: Any) -> Any:
    own, pool = copy.copy(transport), copy.copy(transport._pool)
    pool._connections, pool._requests = [], []
    for name in ("_network_backend", "_optional_thread_lock"):
        setattr(pool, name, type(getattr(pool, name))())
    own._pool = pool
    return own
