"""The session's reports as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from pytest_lmopt.reports.suite_report import SuiteReport

VERSION = 1


def json_document(reports: Sequence[SuiteReport]) -> str:
    """``{"version": 1, "suites": [...]}``, each suite with the fields of ``SuiteReport``."""
    suites = [asdict(report) for report in reports]
    text = json.dumps({"version": VERSION, "suites": suites}, indent=2, ensure_ascii=False)
    # JSON leaves some control characters as they are, and half a surrogate pair can't be encoded
    escaped = (
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
    )
    return "".join(escaped) + "\n"
