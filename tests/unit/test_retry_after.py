"""How long a provider wants us to wait, as its headers say."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from pytest_lmopt.lm.faults.error_report import retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "?", "retry-after": "9"}, 9.0),
        ({"retry-after": formatdate(NOW + 20, usegmt=True)}, 20.0),
        ({"retry-after": formatdate(NOW - 20, usegmt=True)}, 0.0),
        (
            {
                "retry-after": formatdate(NOW + 3620, usegmt=True),
                "date": formatdate(NOW + 3600, usegmt=True),
            },
            20.0,
        ),
    ],
)
def test_retry_after_is_seconds_milliseconds_or_a_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    """What can't be read is no wish; a date counts by the provider's own clock."""
    assert retry_after(headers, now=NOW) == seconds
