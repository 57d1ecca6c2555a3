"""The authorities that TLS connections trust: those of the environment, else certifi's."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
FOLDER = "SSL_CERT_DIR"


def tls_context() -> ssl.SSLContext:
    """Return a context that verifies servers, made once for each setting of the environment."""
    named = (os.environ.get(name, "") for name in FILES)
    bundle = next((path for path in named if path and os.path.exists(path)), "")
    folder = os.environ.get(FOLDER, "")
    return _context(bundle, folder if os.path.isdir(folder) else "")


@lru_cache(maxsize=8)
def _context(bundle: str, folder: str) -> ssl.SSLContext:
    if os.path.isdir(bundle):
        bundle, folder = "", bundle
    if not bundle and not folder:
        bundle = _certifi()
    context = ssl.create_default_context(cafile=bundle or None, capath=folder or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _certifi() -> str:
    try:
        import certifi
    except ImportError:
        return ""  # then the system's own
    return certifi.where()
