"""The command line and ini values, as pytest is given them."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from pytest_lmopt.plugin.option_table import OPTIONS, Option

MARK = (
    "lm_suite(*, dataset, metric=None, budget=Budget(), threshold=None, margin=0.0, gate=None, "
    "require_baseline=False, repeats=1, model=None, max_missing=0.02, concurrency=None, "
    "near_duplicates=None, intercept=None): evaluate the test over a dataset; it returns a "
    "prediction for lm_example"
)

QUIET = "ignore:Item .* on TypedDict class .* is using the `ReadOnly` qualifier:UserWarning"
"""A warning that litellm's types provoke in pydantic, of no use to anybody."""


def add_options(parser: pytest.Parser) -> None:
    """Register the options and ini values of the table."""
    group = parser.getgroup("lmopt", "LM suites (pytest-lmopt)")
    for option in OPTIONS:
        group.addoption(option.flag, help=option.description, **_arguments(option))
        if option.also_off:
            group.addoption(
                option.also_off,
                action="store_false",
                dest=option.name,
                default=None,
                help=f"as {option.off_flags[0]}",
            )
        if option.ini:
            parser.addini(option.name, f"default of {option.flag}", type=option.ini, default=None)


def _arguments(option: Option) -> dict[str, Any]:
    """Arguments that argparse takes for an option; what is not given is None."""
    if option.switch:
        return {"action": argparse.BooleanOptionalAction}
    arguments: dict[str, Any] = {"type": option.value_of}
    if option.several:
        arguments["action"] = "extend"
    if option.bare is not None:
        arguments |= {"nargs": "?", "const": option.bare}
    if option.choices:
        arguments["choices"] = option.choices
    else:
        arguments["metavar"] = option.metavar
    return arguments
