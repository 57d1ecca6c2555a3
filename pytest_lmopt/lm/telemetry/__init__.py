"""Spans for OpenTelemetry, for those who ask for them: nothing here is imported otherwise."""
