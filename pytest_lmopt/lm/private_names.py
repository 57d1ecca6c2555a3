"""The private names of other packages that we rely on, in one table.

Their next release may rename any of them. A missing name makes the suite an error: working on
without it would lose a promise silently.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pytest_lmopt.errors import PackageError


@dataclass(frozen=True, kw_only=True)
class PrivateName:
    """A name that its package does not promise to keep.

    ``attribute`` stands in ``module``, and may be dotted; ``formerly`` is its name in older
    releases. ``why`` says what we use it for. ``mentions`` is a text that the source of a function
    must hold, such as an argument that it takes from its keywords.
    """

    module: str
    attribute: str
    why: str
    formerly: str = ""
    mentions: str = ""

    @property
    def package(self) -> str:
        """The name of the module's top package."""
        return self.module.partition(".")[0]

    def owner(self) -> tuple[object, str]:
        """Find the object that holds the attribute, and the attribute's name there.

        Raises ``PackageError`` where the installed release has neither it nor its former name.
        """
        found = _owner(self)
        if found is None:
            raise _error([self])
        return found


def missing(names: Iterable[PrivateName]) -> list[PrivateName]:
    """List those that the installed releases lack; imports their modules."""
    return [name for name in names if _owner(name) is None]


def require(names: Iterable[PrivateName]) -> None:
    """Raise ``PackageError`` where the installed releases lack one; imports their modules."""
    lacking = missing(names)
    if lacking:
        raise _error(lacking)


def advice(package: str) -> str:
    """Say what to do about a package whose installed release can't be used."""
    return (
        f"Install an older release: pip install '{package}<{_version(package)}', or a newer "
        "pytest-lmopt"
    )


@lru_cache(maxsize=256)
def _owner(name: PrivateName) -> tuple[object, str] | None:
    try:
        module = importlib.import_module(name.module)
    except ImportError:
        return None
    for path in filter(None, (name.attribute, name.formerly)):
        *parents, last = path.split(".")
        owner: object = module
        for parent in parents:
            owner = getattr(owner, parent, None)
        found = getattr(owner, last, None)
        if found is not None and (not name.mentions or name.mentions in _source(found)):
            return owner, last
    return None


def _source(found: object) -> str:
    try:
        return inspect.getsource(found)  # type: ignore[arg-type]  # a TypeError says so
    except (OSError, TypeError):
        return ""


def _error(names: list[PrivateName]) -> PackageError:
    package = names[0].package
    expected = "; ".join(f"{name.module}.{name.attribute} ({name.why})" for name in names)
    return PackageError(
        f"the installed {package} {_version(package)} can't be used: expected {expected}, found no "
        f"such name. {advice(package)}",
        package=package,
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(unknown version)"


REPEATED_REQUEST = PrivateName(
    module="litellm.llms.custom_httpx.http_handler",
    attribute="AsyncHTTPHandler.single_connection_request",
    formerly="AsyncHTTPHandler.single_connection_post_request",
    why="repeats a request whose connection broke, which no budget would see",
)

REPORTED_USAGE = PrivateName(
    module="litellm.types.utils",
    attribute="Usage.__init__",
    why="makes whole numbers of what a provider reports",
)

LITELLM = (
    REPEATED_REQUEST,
    REPORTED_USAGE,
    PrivateName(
        module="litellm.litellm_core_utils.core_helpers",
        attribute="filter_internal_params",
        mentions="_skip_mcp_handler",
        why="takes the argument that keeps tools from needing the package mcp",
    ),
    PrivateName(
        module="litellm",
        attribute="suppress_debug_info",
        why="keeps hints off the terminal",
    ),
    PrivateName(
        module="litellm",
        attribute="get_llm_provider",
        why="names the provider of a model that is to be priced",
    ),
    PrivateName(
        module="litellm",
        attribute="validate_environment",
        why="names the key that a provider lacks",
    ),
    *(
        PrivateName(
            module="litellm.exceptions",
            attribute=name,
            why="sorts a provider's errors",
        )
        for name in (
            "AuthenticationError",
            "BadRequestError",
            "ContentPolicyViolationError",
            "ContextWindowExceededError",
            "NotFoundError",
            "PermissionDeniedError",
        )
    ),
)
"""What we rely on in litellm."""


def _pool(core: str) -> tuple[PrivateName, ...]:
    return tuple(
        PrivateName(
            module=core,
            attribute="AsyncConnectionPool.__init__",
            mentions=f"self.{name}",
            why="holds the connections, of which each event loop needs its own",
        )
        for name in ("_connections", "_requests", "_network_backend", "_optional_thread_lock")
    )


def _transports(client: str) -> tuple[PrivateName, ...]:
    return (
        PrivateName(
            module=client,
            attribute="HTTPTransport.handle_request",
            why="sends the requests of sync clients, where their model calls are seen",
        ),
        PrivateName(
            module=client,
            attribute="AsyncHTTPTransport.handle_async_request",
            why="sends the requests of async clients, where their model calls are seen",
        ),
        PrivateName(
            module=client,
            attribute="AsyncHTTPTransport.__init__",
            mentions="self._pool",
            why="holds the connection pool, of which each event loop needs its own",
        ),
    )


_AIOHTTP = "sends requests by aiohttp, where model calls are seen"

CLIENTS = {
    "httpx": (*_transports("httpx"), *_pool("httpcore")),
    "httpx2": (*_transports("httpx2"), *_pool("httpcore2")),
    "httpx_aiohttp": (
        PrivateName(
            module="httpx_aiohttp",
            attribute="AiohttpTransport.handle_async_request",
            why=_AIOHTTP,
        ),
    ),
    "litellm.llms.custom_httpx.aiohttp_transport": (
        PrivateName(
            module="litellm.llms.custom_httpx.aiohttp_transport",
            attribute="LiteLLMAiohttpTransport.handle_async_request",
            why=_AIOHTTP,
        ),
    ),
}
"""What we rely on in HTTP clients, by the module that is imported first."""
