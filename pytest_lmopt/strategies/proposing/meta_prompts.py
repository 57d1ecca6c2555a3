"""Meta-prompts: what proposers are asked. Jinja2 files, which a user's own folder may replace."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_lmopt.errors import StrategyError

if TYPE_CHECKING:
    from jinja2 import Template

    from pytest_lmopt.suites.templates.sandbox import Sandbox

FOLDER = Path(__file__).parent.parent / "meta_prompts"
"""Our own, a file each, named after the strategy that asks."""

SUFFIX = ".j2"


def known() -> list[str]:
    """Names of the files that a user's folder may replace."""
    return sorted(path.name for path in FOLDER.glob(f"*{SUFFIX}"))


def meta_prompt(name: str, folder: Path | None, /, **values: Any) -> str:
    """The text asked of a proposer: ``folder``'s file of that name, or ours, rendered.

    Raises ``StrategyError`` where the user's file can't be read or rendered.
    """
    path = FOLDER / f"{name}{SUFFIX}"
    if folder is not None and (folder / path.name).exists():
        path = folder / path.name
    try:
        template = _template(path.read_text(encoding="utf-8"))
        return _environment().bounded(template, values).strip()
    except Exception as error:  # a template may do anything an expression can: divide, index, ...
        raise StrategyError(
            f"meta-prompt {_place(path, error)}: {error}; it may use {', '.join(sorted(values))}",
            strategy=name,
        ) from error


def check_folder(folder: Path) -> None:
    """Raise ``StrategyError`` unless ``folder`` is one whose meta-prompts replace some of ours.

    What can be seen of a template without its values is checked, too.
    """
    if not folder.is_dir():
        raise StrategyError(
            f"lm_meta_prompts: there is no folder {folder}; a path is relative to the root folder",
            strategy=folder.name,
        )
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path.name not in known():
            raise StrategyError(
                f"lm_meta_prompts: {path} replaces nothing; the meta-prompts are "
                f"{', '.join(known())}",
                strategy=path.stem,
            )
        _check(path)


def _check(path: Path) -> None:
    """Raise ``StrategyError`` for a template that can't be parsed or uses an unknown variable."""
    try:
        used, ours = _variables(path), _variables(FOLDER / path.name)
    except Exception as error:  # undecodable, no template, nested too deeply, ...
        raise StrategyError(
            f"lm_meta_prompts: {_place(path, error)}: {error}", strategy=path.stem
        ) from error
    if used - ours:
        raise StrategyError(
            f"lm_meta_prompts: {path} uses {sorted(used - ours)[0]!r}; it may use "
            f"{', '.join(sorted(ours))}",
            strategy=path.stem,
        )


def _variables(path: Path) -> set[str]:
    tree = _environment().parse(path.read_text(encoding="utf-8"))
    return _environment().undeclared(tree) - set(_environment().globals)


def _place(path: Path, error: Exception) -> str:
    line = getattr(error, "lineno", None)
    return f"{path}, line {line}" if line else str(path)


@lru_cache(maxsize=1)
def _environment() -> Sandbox:
    from pytest_lmopt.suites.templates.sandbox import Sandbox

    environment = Sandbox()
    environment.trim_blocks = environment.lstrip_blocks = True
    return environment


@lru_cache(maxsize=32)
def _template(source: str) -> Template:
    return _environment().from_string(source)
