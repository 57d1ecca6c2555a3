"""One setting at a time: the option wins over the configuration, which may use TOML's own types."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from pytest_lmopt.plugin.option_values import NONE

Value = TypeVar("Value")
Default = TypeVar("Default")


def setting(
    config: pytest.Config, name: str, convert: Callable[[str], Value], default: Default
) -> Value | Default:
    """Read a setting: its option, else its value in the configuration, else the default.

    Raises a usage error for a value in the configuration that ``convert`` refuses.
    """
    given: Value | None = config.getoption(name)
    return configured(config, name, convert, default) if given in (None, "") else given


def configured(
    config: pytest.Config, name: str, convert: Callable[[str], Value], default: Default
) -> Value | Default:
    """Read a setting from the configuration alone."""
    value = written(config, name)
    if value is None or value == "":
        return default
    if convert is str and not isinstance(value, str):
        raise pytest.UsageError(f"ini value {name}: text expected, found {value!r}")
    try:
        return convert(value if isinstance(value, str) else _spelled(value))
    except argparse.ArgumentTypeError as error:
        raise pytest.UsageError(f"ini value {name}: {error}") from None


def lines(config: pytest.Config, name: str) -> list[str]:
    """Read a setting of several lines: those of the option, else of the configuration."""
    given: list[str] | None = config.getoption(name)
    if given is not None:
        return given[_after_last_none(given) :]
    value = written(config, name)
    if isinstance(value, str):
        value = [line.strip() for line in value.splitlines() if line.strip()]
    items: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    found = [item if isinstance(item, str) else _spelled(item) for item in items]
    return found[_after_last_none(found) :]


def written(config: pytest.Config, name: str) -> Any:
    """Find a value as the configuration has it; None where it has none.

    pytest holds values of its own TOML table against the declared type and refuses numbers for
    text, or text for a switch. What fits is for ``convert`` to say.
    """
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        found = getattr(config, "_inicfg", {}).get(name)
        if found is None:  # before pytest 9, where every value is text
            raise pytest.UsageError(f"ini value {name}: {error}") from None
        return found.value


def _spelled(value: object) -> str:
    """Spell a value of TOML as it would stand in an ini file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(map(_spelled, value))
    return str(value)


def _after_last_none(found: list[str]) -> int:
    """Position after the last ``none``, which makes what comes before it count for nothing."""
    return max((number + 1 for number, line in enumerate(found) if line == NONE), default=0)
