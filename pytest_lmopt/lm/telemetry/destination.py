"""Where spans go: to the tracer provider the user has set up, else to the collector they named."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pytest_lmopt.errors import TelemetryError
from pytest_lmopt.lm.telemetry.spans import Telemetry

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

SETTINGS = (*ENDPOINTS, *PROTOCOLS, CONTENT, "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
"""What other processes of a session must know to do as this one; headers are not among them, which
may be keys."""

SCOPE = "pytest_lmopt"


def open_telemetry() -> Telemetry:
    """Telemetry to where the user says; never to the SDK's default address.

    Raises ``TelemetryError`` where they don't say, or what it takes is not installed.
    """
    content = os.environ.get(CONTENT, "").lower() in ("true", "span_only", "span_and_event")
    try:
        from opentelemetry import trace
    except ImportError:
        raise _not_installed() from None
    theirs = trace.get_tracer_provider()
    if not isinstance(theirs, trace.ProxyTracerProvider):
        flush = getattr(theirs, "force_flush", lambda: None)
        return Telemetry(theirs.get_tracer(SCOPE), content=content, flush=flush)
    if not any(os.environ.get(name) for name in ENDPOINTS):
        raise TelemetryError(
            "lm_otel is on, but nothing says where spans are to go: set "
            f"{ENDPOINTS[1]}, or a tracer provider in conftest.py"
        )
    protocol = next((value for name in PROTOCOLS if (value := os.environ.get(name))), "")
    if protocol not in ("", "http/protobuf"):
        raise TelemetryError(
            f"lm_otel sends http/protobuf, but {protocol!r} is asked for: change {PROTOCOLS[1]}, "
            "or set a tracer provider of your own in conftest.py"
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise _not_installed() from None
    ours = TracerProvider()  # not made the global one: that is the user's to set
    ours.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Telemetry(
        ours.get_tracer(SCOPE), content=content, flush=ours.force_flush, end=ours.shutdown
    )


def settings() -> dict[str, str]:
    """What this process's environment says of where spans go, and what is in them."""
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}


def adopt(theirs: Mapping[str, str]) -> None:
    """Do as another process does, unless this one's own environment says where spans go."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        os.environ.update(theirs)


def _not_installed() -> TelemetryError:
    return TelemetryError(
        "lm_otel is on, but OpenTelemetry is not installed: pip install 'pytest-lmopt[otel]'"
    )
