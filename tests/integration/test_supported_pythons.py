"""Which Pythons are supported: what is declared is what the CI script tests."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

Find = Callable[[dict[str, str], dict[str, str]], list[str]]
ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_declared_versions_begin_with_the_required_one_and_have_no_gap() -> None:
    """So that each was tested, or lies between two that were."""
    prefix = "Programming Language :: Python :: 3."
    minors = [
        int(each.removeprefix(prefix)) for each in PROJECT["classifiers"] if each.startswith(prefix)
    ]
    assert PROJECT["requires-python"] == f">=3.{minors[0]}"
    assert minors == list(range(minors[0], minors[-1] + 1))


@pytest.fixture
def found(tmp_path: Path) -> Find:
    """Finds interpreters among folders of stand-ins that say which release level they have."""

    def find(path: dict[str, str], pyenv: dict[str, str]) -> list[str]:
        folders = [(tmp_path / "bin", path), (tmp_path / "pyenv/versions/x/bin", pyenv)]
        for folder, stand_ins in folders:
            folder.mkdir(parents=True)
            for name, level in stand_ins.items():
                script = f"#!/bin/sh\n{f'echo {level}' if level else 'exit 127'}\n"
                (folder / name).write_text(script)
                (folder / name).chmod(0o755)
        listed = subprocess.run(
            [ROOT / ".ci/pythons"],
            env={"PATH": f"{folders[0][0]}:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path / "pyenv")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        lines = [line.split() for line in listed.splitlines() if str(tmp_path) in line]
        return [f"{version} {Path(path).relative_to(tmp_path)}" for version, path in lines]

    return find


def test_released_interpreters_are_found_oldest_first(found: Find) -> None:
    """On PATH, then where pyenv keeps them; no older ones, no others, no shim that does nothing."""
    path = {"python3.93": "final", "python3.91": "", "python3.9": "final", "python3.92-config": ""}
    pyenv = {"python3.93": "final", "python3.91": "final", "python3.97": "final"}
    pyenv |= {"python3.98": "candidate", "python3.93t": "final"}
    assert found(path, pyenv) == [
        "3.91 pyenv/versions/x/bin/python3.91",
        "3.93 bin/python3.93",
        "3.97 pyenv/versions/x/bin/python3.97",
    ]


def test_none_found_is_no_failure(found: Find) -> None:
    """The script says so, and goes on with what ``python3`` is."""
    assert found({}, {}) == []
