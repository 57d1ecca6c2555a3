"""The proxy for a URL, as the environment names it: ``HTTPS_PROXY``, ``NO_PROXY`` and the like."""

from __future__ import annotations

import os
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_VARIABLES = (*_NAMES, *map(str.upper, _NAMES))


def proxy_for(url: str) -> str | None:
    """Return the proxy's URL; None for a direct connection."""
    parts = urlsplit(url)
    settings = tuple(os.environ.get(name) for name in _VARIABLES)
    return _proxy(parts.scheme, parts.hostname or "", parts.port, settings)


@lru_cache(maxsize=256)
def _proxy(
    scheme: str, host: str, port: int | None, settings: tuple[str | None, ...]
) -> str | None:
    del settings  # they only decide whether an earlier result still holds
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(host if port is None else f"{host}:{port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
