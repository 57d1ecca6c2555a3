"""Each use of holdout is counted per row, and no detour makes the count start again."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat

SEARCH = ("--lm-optimize=bootstrap", "--lm-snapshot-update")


def snapshot(project: Project) -> Path:
    """The snapshot's YAML file."""
    return project.path / "__lm_snapshots__/test_words/test_shout.yaml"


def table(project: Project) -> list[dict[str, str]]:
    """The snapshot's rows."""
    text = snapshot(project).with_suffix(".scores.csv").read_text()
    return list(csv.DictReader(text.splitlines()))


def searched(project: Project, *options: str) -> tuple[int, str]:
    """The use of holdout that a search from the first prompt reports, and its p-value's bound."""
    prompt = project.path / "shout.yaml"
    before = prompt.read_text()
    output = project.run(*SEARCH, *options).stdout.str()
    prompt.write_text(before)
    found = re.search(r"use (\d+) of this holdout.*? p < ([\d.]+)", output, re.DOTALL)
    assert found is not None, output
    return int(found[1]), found[2]


def test_the_identical_search_is_no_new_use(project: Project) -> None:
    """Its winner with its scores says nothing that the first confirmation did not say."""
    project.suite("budget=Budget(calls=500)", examples=120)
    first = searched(project)
    files = project.files()
    assert first == (1, "0.0500")
    assert searched(project) == first
    assert searched(project) == first
    assert project.files() == files


def test_a_detour_over_another_split_resets_nothing(project: Project) -> None:
    """Rows keep their uses under every seed, and a new winner is a new use of each."""
    project.suite("budget=Budget(calls=500)", examples=120)
    assert searched(project)[0] == 1
    holdout = {row["id"] for row in table(project) if row["split"] == "holdout"}
    assert searched(project, "--lm-resplit=1")[0] == 2
    again = {row["id"]: row for row in table(project)}
    assert {row["id"] for row in again.values() if len(row["uses"].split()) == 2} == {
        name for name in holdout if again[name]["split"] == "holdout"
    }
    project.write("shout.yaml", (project.path / "shout.yaml").read_text().replace("the", "this"))
    assert searched(project, "--lm-resplit=0") == (3, "0.0083")


def test_rows_that_demos_show_never_return_to_holdout(project: Project) -> None:
    """Under any later seed they stay in train."""
    project.suite("budget=Budget(calls=500)", examples=120)
    project.run(*SEARCH).assert_outcomes(passed=1)
    shown = set(re.findall(r"word: word(\d+)", (project.path / "shout.yaml").read_text()))
    assert len(shown) >= 2
    for seed in range(1, 4):
        project.run(f"--lm-resplit={seed}", "--lm-snapshot-update").assert_outcomes(passed=1)
        split = {row["id"]: row["split"] for row in table(project)}
        assert {split[f"w{number}"] for number in shown} == {"train"}
        assert f"split_seed: {seed}\n" in snapshot(project).read_text()
    project.run().stdout.fnmatch_lines(["*test_shout*holds*"])


def memory(chat: Chat) -> str:
    """A model that knows nothing but the demos it is shown."""
    known = {chat[n][1]: chat[n + 1][1] for n in range(1, len(chat) - 1, 2)}
    return known.get(chat[-1][1], "?")


COPIES = """\
import pytest
from pytest_lmopt import Budget, metrics
from pipeline import one_step

@pytest.mark.lm_suite(dataset="words.jsonl", metric=metrics.exact_match, budget=Budget(calls=900))
def test_shout(lm_example):
    return one_step(lm_example.inputs["word"])
"""


@pytest.mark.parametrize("blanks", [False, True])
def test_memorising_duplicates_proves_nothing(
    project: Project, model: FunctionModel, blanks: bool
) -> None:
    """Copies of a text under other ids, or with other blanks, are in one split."""
    model.answer = memory
    rows = [
        {
            "id": f"r{n}",
            "inputs": {"word": f"word {n % 20}" + (" " * (n // 20) if blanks else "")},
            "expected": f"WORD {n % 20}",
        }
        for n in range(180)
    ]
    lines = "\n".join(map(json.dumps, rows))
    project.write("words.jsonl", lines)
    project.write("test_words.py", COPIES)
    result = project.run("--lm-optimize=labeled", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["*180 of 180 rows share their inputs with another row (20 *"])
    assert "improved" not in result.stdout.str()
    assert "demos:" not in (project.path / "shout.yaml").read_text()
    together = Counter((int(row["id"][1:]) % 20, row["split"]) for row in table(project))
    assert set(together.values()) == {9}
