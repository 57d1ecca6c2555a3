"""Near duplicates are joined where that is asked for: one split, one cluster."""

from __future__ import annotations

import time
from pathlib import Path

from pytest_lmopt.suites.clusters import clusters, duplicates_note
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Dataset

TEXT = "please send me the invoice of order {} again because the first one got lost in the mail"


def rows(*texts: str, least: float | None = 0.8) -> Dataset:
    """A dataset of these texts, named by their place."""
    given = [{"id": str(place), "inputs": {"message": text}} for place, text in enumerate(texts)]
    return load_dataset(given, beside=Path(), near_duplicates=least)


def joined(dataset: Dataset) -> list[str]:
    """The ids of each cluster."""
    return ["".join(each.id for each in members) for members in clusters(dataset.examples)]


def test_texts_that_differ_in_a_word_are_joined() -> None:
    """Whatever their case, order and signs; others are not, nor any without the option."""
    texts = (TEXT.format(1), "hello there", TEXT.format(2).upper() + "!", "hello")
    assert joined(rows(*texts)) == ["02", "1", "3"]
    assert joined(rows(*texts, least=0.5)) == ["02", "13"]
    assert joined(rows(*texts, least=None)) == ["0", "1", "2", "3"]


def test_joining_is_transitive() -> None:
    """A chain of small edits is one cluster, though its ends have less in common."""
    words = TEXT.split()
    chain = [" ".join([*words[n:], *(f"new{k}" for k in range(n))]) for n in range(8)]
    assert joined(rows(*chain)) == ["01234567"]
    assert joined(rows(chain[0], chain[7])) == ["0", "1"]


def test_a_line_says_how_many_rows_are_concerned() -> None:
    """In the report, beside the figures they bear on."""
    dataset = rows(TEXT.format(1), TEXT.format(2), "hello there")
    assert duplicates_note(dataset.examples).startswith("2 of 3 rows are near duplicates of")


def test_rows_without_words_are_alone() -> None:
    """They have nothing in common."""
    assert joined(rows("?", "!", "")) == ["0", "1", "2"]


def test_two_thousand_rows_take_no_longer_than_a_moment() -> None:
    """Rows are compared only where they share one of their rarest words."""
    texts = [f"word{n} word{n + 1} and the usual words of everybody" for n in range(2_000)]
    began = time.thread_time()
    assert len(joined(rows(*texts, least=0.95))) == 2_000
    assert time.thread_time() - began < 2.0
