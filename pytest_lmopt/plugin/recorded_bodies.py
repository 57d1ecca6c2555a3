"""The hook by which users scrub what clients send before it is keyed and recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pytest_lmopt.errors import SuiteError
from pytest_lmopt.plugin.names import node_name

HOOK = "pytest_lmopt_recorded_body"


def recorded_body_of(
    item: pytest.Function,
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]] | None:
    """The function of a suite's closest hook; None without one. It raises ``SuiteError``."""
    if not item.config.hook.pytest_lmopt_recorded_body.get_hookimpls():
        return None

    def recorded(body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            copied = json.loads(json.dumps(body))
            found = item.ihook.pytest_lmopt_recorded_body(config=item.config, body=copied)
            kept = body if found is None else json.loads(json.dumps(found))
        except Exception as error:
            problem = f"the hook {HOOK} raised {type(error).__name__}: {error}"
            raise SuiteError(problem, suite=node_name(item)) from error
        if not isinstance(kept, Mapping):
            raise SuiteError(
                f"the hook {HOOK} returned no body: expected a JSON object or None, found "
                f"{type(found).__name__}",
                suite=node_name(item),
            )
        return kept

    return recorded
