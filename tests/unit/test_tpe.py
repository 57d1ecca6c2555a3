"""TPE's suggestions: new, reproducible, and better informed with every trial."""

from __future__ import annotations

import logging
import random
import sys

import pytest

from pytest_lmopt.errors import StrategyError
from pytest_lmopt.strategies.choices import Choice
from pytest_lmopt.strategies.mipro import Mipro
from pytest_lmopt.strategies.protocol import Settings
from pytest_lmopt.strategies.tpe import suggest

SIZES = {"instruction of a": 7, "demos of a": 7}
OWN = dict.fromkeys(SIZES, 0)


def test_what_is_wanted_comes_first_and_nothing_known_again() -> None:
    """Nor the same choice twice."""
    wanted = [OWN, {**OWN, "demos of a": 3}, {**OWN, "demos of a": 3}]
    found = suggest(SIZES, [(OWN, 0.0)], wanted, count=8, seed="0")
    assert found[0] == wanted[1]
    assert len({tuple(sorted(choice.items())) for choice in found}) == len(found) == 8
    assert OWN not in found


def test_same_seed_same_choices() -> None:
    """Another seed, others."""
    first, again, other = (suggest(SIZES, [(OWN, 0.0)], [], count=4, seed=s) for s in "001")
    assert first == again != other


def test_a_space_that_is_used_up_ends_the_search() -> None:
    """Fewer choices than asked for, in the end none."""
    sizes = {"a": 2, "b": 1}
    assert suggest(sizes, [({"a": 0, "b": 0}, 0.0)], [], count=8, seed="0") == [{"a": 1, "b": 0}]
    known: list[tuple[Choice, float]] = [({"a": a, "b": 0}, 0.0) for a in (0, 1)]
    assert suggest(sizes, known, [], count=8, seed="0") == []


def test_it_learns_what_good_choices_share() -> None:
    """The one good value of a parameter is suggested far more often than by chance (1 in 7)."""
    chance = random.Random(1)
    known: list[tuple[Choice, float]] = []
    for _ in range(16):
        choice = {name: chance.randrange(size) for name, size in SIZES.items()}
        known.append((choice, 0.3 * (choice["demos of a"] == 2) + chance.gauss(0, 0.05)))
    found = [
        choice["demos of a"] == 2
        for seed in range(8)
        for choice in suggest(SIZES, known, [], count=4, seed=str(seed))
    ]
    assert sum(found) / len(found) > 2 / 7


def test_optuna_says_nothing_and_is_left_as_it_was(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever verbosity the user has set."""
    import optuna

    before = optuna.logging.get_verbosity()
    with caplog.at_level(logging.DEBUG):
        suggest(SIZES, [(OWN, 0.0)], [], count=2, seed="0")
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before


def test_without_optuna_there_is_no_mipro(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(StrategyError, match=r"pip install 'pytest-lmopt\[mipro\]'"):
        Mipro(Settings(seed=0))
