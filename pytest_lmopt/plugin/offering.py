"""Strategies that the user's code offers, checked before anything is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_lmopt.strategies.protocol import StrategyFactory


def strategies_offered(config: pytest.Config, name: str | None) -> dict[str, StrategyFactory]:
    """Collect those of the hook, by name; a usage error unless the one asked for can be made."""
    if name is None:
        return {}
    from pytest_lmopt.errors import StrategyError
    from pytest_lmopt.strategies.protocol import Settings
    from pytest_lmopt.strategies.registry import known, make

    offered: dict[str, StrategyFactory] = {}
    for hook in (config.hook.pytest_lmopt_strategies, config.hook.pytest_lmopt_optimizers):
        try:
            mappings = hook()
        except Exception as error:
            raise pytest.UsageError(
                f"a hook {hook.name} raised {type(error).__name__}: {error}"
            ) from error
        for mapping in mappings:
            if not isinstance(mapping, Mapping) or not all(isinstance(key, str) for key in mapping):
                raise pytest.UsageError(
                    f"a hook {hook.name} returned {mapping!r}; expected a mapping from names to "
                    "classes of strategies"
                )
            twice = sorted(set(mapping) & set(offered))
            if twice:
                raise pytest.UsageError(
                    f"two hooks pytest_lmopt_strategies offer a strategy {twice[0]!r}; give one of "
                    "them another name"
                )
            offered |= mapping
    _warn(config, name)
    try:
        make(name, Settings(), offered)
    except StrategyError as error:
        eaten = ""
        if name not in known(offered) and _is_path(name, config):
            eaten = (
                f". As it is a path, write --lm-optimize=auto {name}, or put it before the option"
            )
        raise pytest.UsageError(f"--lm-optimize: {error}{eaten}") from None
    return offered


def _warn(config: pytest.Config, name: str) -> None:
    """Warn of the former names in use: of the hook, and of the group of the strategy asked for."""
    from pytest_lmopt.errors import LmoptDeprecationWarning

    if hasattr(config, "workerinput"):  # the controller warns
        return
    for message in _former_names(config.hook.pytest_lmopt_optimizers, name):
        try:
            config.issue_config_time_warning(LmoptDeprecationWarning(message), stacklevel=2)
        except LmoptDeprecationWarning as warning:  # the user's filters make errors of warnings
            raise pytest.UsageError(str(warning)) from None


def _former_names(hook: Any, name: str) -> Iterator[str]:
    from pytest_lmopt.strategies.registry import GROUP, OLD_GROUP, outdated

    for implementation in hook.get_hookimpls():
        yield (
            f"the hook {hook.name} of {implementation.plugin_name} has its former name. Rename it "
            "pytest_lmopt_strategies"
        )
    for entry in outdated(name):
        package = entry.dist.name if entry.dist else entry.value
        yield (
            f"the package {package} offers the strategy {name!r} in the former entry-point group "
            f"{OLD_GROUP}. Use the group {GROUP}"
        )


def _is_path(name: str, config: pytest.Config) -> bool:
    """Whether the option took tests to run for its value."""
    file = name.partition("::")[0]
    return "/" in name or (bool(file) and (config.invocation_params.dir / file).exists())
