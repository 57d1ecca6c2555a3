"""The ledger: dates as three people wrote them, needed as ISO 8601. One LM step."""

from __future__ import annotations

from pathlib import Path

from pytest_lmopt import Prompt

read_date = Prompt.load(Path(__file__).parent / "prompts/ledger_date.yaml")


def iso_date(entry: str) -> str:
    """The day of a ledger entry, as YYYY-MM-DD."""
    return read_date(entry=entry).text.strip()
