"""Where spans go: to the tracer provider the user has set up, else to the collector they named."""

from __future__ import annotations

import os

from pytest_lmopt.errors import TelemetryError
from pytest_lmopt.lm.telemetry.spans import Telemetry

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

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
        return Telemetry(theirs.get_tracer(SCOPE), content=content)
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
    return Telemetry(ours.get_tracer(SCOPE), content=content, end=ours.shutdown)


def _not_installed() -> TelemetryError:
    return TelemetryError(
        "lm_otel is on, but OpenTelemetry is not installed: pip install 'pytest-lmopt[otel]'"
    )
