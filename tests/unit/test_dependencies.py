"""The versions we may be installed with: no compromised release, and pins that fit the ranges."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = [
    Requirement(text)
    for texts in PROJECT["optional-dependencies"].values()
    for text in texts
    if not text.startswith("pytest-lmopt")
]
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.107.0"])
def test_compromised_releases_of_litellm_are_out_of_range(version: str) -> None:
    """Not even where pre-releases are allowed."""
    (litellm,) = (wanted for wanted in RUNTIME if wanted.name == "litellm")
    assert not litellm.specifier.contains(version, prereleases=True)
    assert litellm.specifier.contains("1.106.1")


def test_every_pin_is_one_exact_version_and_nothing_else() -> None:
    """No address, no path, no option: the file says what, never from where."""
    for pin in PINS:
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert "*" not in specifier.version
        assert pin.url is None
        assert not pin.extras
    names = [canonicalize_name(pin.name) for pin in PINS]
    assert names == sorted(set(names))


@pytest.mark.parametrize("wanted", RUNTIME + EXTRAS, ids=lambda wanted: wanted.name)
def test_the_pins_fit_the_declared_ranges(wanted: Requirement) -> None:
    """Each dependency is pinned, to a version the project allows."""
    pins = {canonicalize_name(pin.name): pin for pin in PINS}
    (specifier,) = pins[canonicalize_name(wanted.name)].specifier
    assert wanted.specifier.contains(specifier.version)
