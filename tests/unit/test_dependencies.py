"""The versions we may be installed with: no compromised release, and pins that fit the ranges."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = [
    Requirement(text)
    for texts in PROJECT["optional-dependencies"].values()
    for text in texts
    if not text.startswith("pytest-lmopt")
]


def _pins(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def _version(pins: list[Requirement], wanted: Requirement) -> Version:
    (pin,) = (pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(wanted.name))
    (specifier,) = pin.specifier
    return Version(specifier.version)


PINS, LOWEST = _pins("constraints.txt"), _pins("constraints-lowest.txt")


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.107.0", "1.107.0rc2"])
def test_compromised_releases_of_litellm_are_out_of_range(version: str) -> None:
    """Not even where pre-releases are allowed."""
    (litellm,) = (wanted for wanted in RUNTIME if wanted.name == "litellm")
    assert not litellm.specifier.contains(version, prereleases=True)
    assert litellm.specifier.contains("1.106.0")
    assert litellm.specifier.contains("1.110.2")


@pytest.mark.parametrize("pins", [PINS, LOWEST], ids=["constraints", "constraints-lowest"])
def test_every_pin_is_one_exact_version_and_nothing_else(pins: list[Requirement]) -> None:
    """No address, no path, no option: the file says what, never from where."""
    for pin in pins:
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert "*" not in specifier.version
        assert pin.url is None
        assert not pin.extras
    names = [canonicalize_name(pin.name) for pin in pins]
    assert names == sorted(set(names))


@pytest.mark.parametrize("wanted", RUNTIME + EXTRAS, ids=lambda wanted: wanted.name)
def test_the_pins_fit_the_declared_ranges(wanted: Requirement) -> None:
    """Each dependency is pinned, to a version the project allows."""
    assert wanted.specifier.contains(_version(PINS, wanted))


@pytest.mark.parametrize("wanted", RUNTIME, ids=lambda wanted: wanted.name)
def test_a_lower_bound_is_what_was_tried(wanted: Requirement) -> None:
    """Neither a promise that nobody kept, nor a version refused that would do."""
    (bound,) = (part.version for part in wanted.specifier if part.operator == ">=")
    assert _version(LOWEST, wanted) == Version(bound)
