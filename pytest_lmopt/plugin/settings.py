"""One option at a time: command line over configuration over environment over default."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_lmopt.plugin.option_table import Option
from pytest_lmopt.plugin.option_values import NONE, text


def in_force(config: pytest.Config, option: Option) -> Any:
    """Read an option; ``none`` is None, or what the option says it stands for.

    Raises a usage error for a value of the configuration that the option can't be.
    """
    given = typed(config, option)
    return configured(config, option) if given is None else _meaning(option, given)


def configured(config: pytest.Config, option: Option) -> Any:
    """Read an option as it is in force where the command line does not give it."""
    found = _in_ini(config, option)
    if found is None and option.environment:
        found = _in_environment(option)
    if found is not None:
        return _meaning(option, found)
    default = option.value_of(option.default)
    return None if default == NONE else _items(default) if option.several else default


def typed(config: pytest.Config, option: Option) -> Any:
    """Find the value that the command line gives; None where it gives none, or an empty text."""
    given = config.getoption(option.name)
    return None if given == "" else given


def place(config: pytest.Config, option: Option) -> str:
    """Name where the value in force was given, for a message."""
    return option.flag if typed(config, option) is not None else f"ini value {option.name}"


def drop_line(config: pytest.Config, name: str, line: str) -> None:
    """Take back a line that was added to an ini value."""
    config.getini(name).remove(line)


def _meaning(option: Option, value: Any) -> Any:
    if option.several:
        return _items(value)
    return option.on_none if value == NONE else value


def _items(values: list[Any]) -> list[Any]:
    """Leave out the values up to the last ``none``, which takes them back."""
    return values[max((n + 1 for n, value in enumerate(values) if value == NONE), default=0) :]


def _in_ini(config: pytest.Config, option: Option) -> Any:
    value = _written(config, option.name) if option.ini else None
    if value in (None, "") or (value == [] and not option.switch):
        return None
    named = f"ini value {option.name}"
    if option.several:
        items = value.splitlines() if isinstance(value, str) else value
        lines = map(_spelled, items if isinstance(items, list) else [items])
        return [each for line in lines if line.strip() for each in _read(option, line, named)]
    if option.read is text and not isinstance(value, str):
        raise pytest.UsageError(f"{named}: text expected, found {value!r}")
    return _read(option, _spelled(value), named)


def _in_environment(option: Option) -> Any:
    value = os.environ.get(option.environment)
    return _read(option, value, f"variable {option.environment}") if value else None


def _read(option: Option, value: str, named: str) -> Any:
    try:
        return option.value_of(value.strip() if option.several else value)
    except argparse.ArgumentTypeError as error:
        raise pytest.UsageError(f"{named}: {error}") from None


def _written(config: pytest.Config, name: str) -> Any:
    """Find a value as the configuration has it; None where it has none.

    pytest holds values of its own TOML table against the declared type and refuses numbers for
    text, or text for a switch. What fits is for the option to say.
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
    if isinstance(value, Mapping):
        return " ".join(f"{name}:{_spelled(each)}" for name, each in value.items())
    return str(value)
