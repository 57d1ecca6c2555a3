"""What a metric's scores depend on, as far as can be known: another one makes a baseline stale.

A metric is its code and its parameters: its source, what that names of its own module, and the
values it was made with as they are before anything runs. What it collects later does not count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

from pytest_lmopt.canonical import digest
from pytest_lmopt.errors import SuiteError
from pytest_lmopt.suites.metric_identity_v1 import metric_identity_v1
from pytest_lmopt.suites.object_content import GIVEN, ContentError, content, given_identity

_LITERALS = (bool, int, float, str, type(None))


@dataclass(frozen=True, kw_only=True)
class MetricIdentity:
    """A metric's digest as it was before anything ran, and the one of snapshots of format 1."""

    metric: object
    digest: str
    digest_v1: str


def identify(metric: object, *, suite: str, root: Path | None = None) -> MetricIdentity:
    """Identify a metric as it is now; raises ``SuiteError`` where a part has no content.

    Paths under ``root`` (default: the working directory) count from there. Metrics of ours keep
    the digest they had in format 1.
    """
    try:
        text = identity_text(metric, root=root)
    except ContentError as error:
        raise SuiteError(
            f"lm_suite(metric=...): {error}, so a baseline could not be compared; give the metric "
            f"or that part an attribute {GIVEN}, a text that changes with it",
            suite=suite,
        ) from None
    try:
        before = digest(metric_identity_v1(metric))
    except Exception:  # its repr may do anything
        before = ""
    return MetricIdentity(metric=metric, digest=digest(text), digest_v1=before)


def identity_text(metric: object, *, root: Path | None = None) -> str:
    """Write a metric as a text that is the same in every process.

    Raises ``ContentError``.
    """
    given = given_identity(metric)
    if given is not None:
        return given
    if metric is None:
        return "None"
    kind = type(metric)
    if kind.__module__.startswith("pytest_lmopt.") and is_dataclass(metric):
        values = {each.name: getattr(metric, each.name) for each in fields(metric)}
        if all(type(value) in _LITERALS for value in values.values()):
            parameters = ", ".join(f"{name}={value!r}" for name, value in values.items())
            return f"{kind.__qualname__}({parameters})"
    text = content(metric, root=root)
    node = json.loads(text)
    # a function that is nothing but its source keeps the digest it had in format 1
    alone = node[0] == "function" and not any(node[2:])
    return str(node[1]) if alone else text
