"""Digests are the same in processes whose sets and hashes of texts have different orders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from doubles.hash_seeds import outputs

from pytest_lmopt.canonical import digest

PROGRAM = """
import functools, json
from collections import deque
from dataclasses import dataclass

import numpy as np, pandas as pd

from pytest_lmopt.canonical import digest
from pytest_lmopt.suites.content import row_digest
from pytest_lmopt.suites.metric_identity import identity_text

@dataclass
class Page:
    tags: object

class Odd:
    def __init__(self): self.words = {'a', 'b', 'c'}; self.self = self

def near(words, tool): return lambda e, p: p in words and tool

page = Page({'red', 'green', 'blue'})
frame = pd.DataFrame({'a': ['x', None], 'b': [1.5, 2]})
print(json.dumps({
    "set": digest({'tags': {'red', 'green', 'blue', 'grey'}, 'ids': frozenset({2, 1})}),
    "content": row_digest({'q': [page, deque([1]), np.arange(3), frame]}, {3, 2}),
    "metric": identity_text(near({'x', 'y', 'z'}, functools.partial(print, Odd()))),
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The different answers of processes with three hash seeds."""
    program: Path = tmp_path_factory.mktemp("seeds") / "program.py"
    program.write_text(PROGRAM)
    return [json.loads(output) for output in outputs(str(program))]


def test_a_set_has_one_digest_in_all_processes(told: list[dict[str, str]]) -> None:
    """Texts are hashed anew in every process, and a set's own text follows their order."""
    expected = digest({"ids": {1, 2}, "tags": {"grey", "blue", "green", "red"}})
    assert {each["set"] for each in told} == {expected}


def test_content_is_the_same_in_every_process(told: list[dict[str, str]]) -> None:
    """Neither an address nor the order of a set is part of it."""
    assert len({each["content"] for each in told}) == 1


def test_a_metrics_identity_holds_no_address(told: list[dict[str, str]]) -> None:
    """Neither is the order of a set a part of it."""
    found = {each["metric"] for each in told}
    assert len(found) == 1
    assert " at 0x" not in found.pop()
