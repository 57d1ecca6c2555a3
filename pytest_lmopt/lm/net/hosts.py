"""Hosts: names and addresses, those that serve no models, and patterns that match them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address

NO_MODELS = (
    *("us.i.posthog.com", "eu.i.posthog.com", "app.posthog.com", "*.sentry.io", "telemetry.*"),
    *("api.smith.langchain.com", "eu.api.smith.langchain.com", "cloud.langfuse.com"),
    *("us.cloud.langfuse.com", "api.segment.io", "logfire-us.pydantic.dev"),
    *("logfire-eu.pydantic.dev", "logfire-api.pydantic.dev"),
    *("openaipublic.blob.core.windows.net", "raw.githubusercontent.com"),
    *("huggingface.co", "cdn-lfs.huggingface.co", "cdn-lfs.hf.co", "*.xethub.hf.co"),
)
"""Telemetry, traces, and downloads of tokenizers, weights and price tables."""


def plain_host(host: object) -> str:
    """Spell a host in one way: text in small letters, without a dot at its end."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    return text.rstrip(".").lower()


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Read an IP literal; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Decide whether an address lies outside this machine and its private networks."""
    return not (
        address.is_loopback
        or address.is_private
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
    )


def serves_no_models(host: str) -> bool:
    """Decide whether a host is known to serve no models."""
    return any(fnmatchcase(host, pattern) for pattern in NO_MODELS)
