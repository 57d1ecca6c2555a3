"""Strategies that the user's code offers, checked before anything is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_lmopt.strategies.protocol import StrategyFactory


def strategies_offered(config: pytest.Config, name: str | None) -> dict[str, StrategyFactory]:
    """Those of the hook, by name; a usage error unless the one asked for can be made."""
    if name is None:
        return {}
    from pytest_lmopt.errors import StrategyError
    from pytest_lmopt.strategies.protocol import Settings
    from pytest_lmopt.strategies.registry import known, make
    from pytest_lmopt.strategies.tpe import check_installed

    offered: dict[str, StrategyFactory] = {}
    for mapping in config.hook.pytest_lmopt_strategies():
        if not isinstance(mapping, Mapping) or not all(isinstance(key, str) for key in mapping):
            raise pytest.UsageError(
                f"a hook pytest_lmopt_strategies returned {mapping!r}; a mapping from names to "
                "strategies expected"
            )
        twice = sorted(set(mapping) & set(offered))
        if twice:
            raise pytest.UsageError(
                f"two hooks pytest_lmopt_strategies offer a strategy {twice[0]!r}; give one of "
                "them another name"
            )
        offered |= mapping
    try:
        if name == "mipro":
            check_installed()
        make(name, Settings(), offered)
    except StrategyError as error:
        eaten = ""
        if name not in known(offered) and _is_path(name, config):
            eaten = (
                f". As it is a path, write --lm-optimize=auto {name}, or put it before the option"
            )
        raise pytest.UsageError(f"--lm-optimize: {error}{eaten}") from None
    return offered


def _is_path(name: str, config: pytest.Config) -> bool:
    """Whether the option took tests to run for its value."""
    file = name.partition("::")[0]
    return "/" in name or (bool(file) and (config.invocation_params.dir / file).exists())
