"""What a lane on a Dask worker makes of the leader's telemetry, without a cluster."""

from __future__ import annotations

from typing import cast

import pytest

from pytest_lmopt import Example
from pytest_lmopt.errors import TelemetryError
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.telemetry.destination import CONTENT, SETTINGS, adopt, settings
from pytest_lmopt.plugin.lane_spans import LaneSpans
from pytest_lmopt.plugin.session import LmSession

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # put back afterwards, whatever ``adopt`` does
        monkeypatch.delenv(name)


def test_a_lane_sends_where_the_leader_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers stay with the leader: they may be keys."""
    monkeypatch.setenv(ENDPOINT, "http://leader:4318")
    monkeypatch.setenv(CONTENT, "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret")
    leaders = settings()
    assert leaders == {ENDPOINT: "http://leader:4318", CONTENT: "true"}
    monkeypatch.delenv(ENDPOINT)
    monkeypatch.delenv(CONTENT)
    adopt(leaders)
    assert settings() == leaders


def test_a_worker_that_has_a_collector_of_its_own_keeps_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With all its settings, words or no words among them."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://own:4318/v1/traces")
    own = settings()
    adopt({ENDPOINT: "http://leader:4318", CONTENT: "true"})
    assert settings() == own


class Unable:
    """A session on a worker where OpenTelemetry is missing."""

    @property
    def telemetry(self) -> None:
        """As there."""
        raise TelemetryError("OpenTelemetry is not installed")


def test_a_lane_that_can_send_nothing_runs_its_blocks_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The worker's log says why there are no spans."""
    spans = LaneSpans(cast(LmSession, Unable()))
    assert "no spans are sent from here: OpenTelemetry is not installed" in capsys.readouterr().err

    def pipeline(example: Example) -> str:
        return example.id

    lm = FunctionLM(lambda _: "")
    assert spans.of_runs(pipeline, "s") is pipeline
    assert spans.of_calls(lm) is lm
    with spans.below({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}):
        spans.flush()
