"""``--lm-snapshot-update``: accepting prompts and baselines."""

from __future__ import annotations

import hashlib

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat, SimulatedModel


def test_without_a_baseline_a_run_passes_and_says_how_to_make_one(project: Project) -> None:
    """The first run writes nothing into the project."""
    project.suite()
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*no baseline yet; to make these scores one: pytest *--lm-snapshot-update"]
    )
    assert project.files() == {}


def test_an_accepted_baseline_holds_while_nothing_changes(
    project: Project, model: FunctionModel
) -> None:
    """The next plain run compares with it, and asks the model nothing new."""
    project.suite()
    project.run("--lm-snapshot-update").stdout.fnmatch_lines(
        ["written: __lm_snapshots__/test_words/test_shout.yaml", "written: *.scores.csv"]
    )
    asked = model.calls
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_shout *+0.000*holds*100 %*"])
    assert model.calls == asked


def test_a_prompt_made_worse_by_hand_fails_the_gate(project: Project, model: FunctionModel) -> None:
    """Regression is an ordinary test failure with exit code 1, and says by how much."""
    model.answer = SimulatedModel(base=0.3, bonus=0.5).answer
    project.write("shout.yaml", "instruction: SHOUT carefully.\ninputs: [word]\noutput: loud\n")
    project.suite()
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", "instruction: SHOUT.\ninputs: [word]\noutput: loud\n")
    result = project.run()
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: regressed against the baseline: 0.* ? 0.*p = *"])


def test_accepting_a_worse_score_is_the_users_decision(
    project: Project, model: FunctionModel
) -> None:
    """With the flag, today's scores become the baseline and can't fail against the old one."""
    model.answer = SimulatedModel(base=0.3, bonus=0.5).answer
    project.write("shout.yaml", "instruction: SHOUT carefully.\ninputs: [word]\noutput: loud\n")
    project.suite()
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", "instruction: SHOUT.\ninputs: [word]\noutput: loud\n")
    accepted = project.run("--lm-snapshot-update")
    accepted.assert_outcomes(passed=1)
    accepted.stdout.fnmatch_lines(
        ["*accepted by hand: shout.yaml; this look at holdout is not counted*"]
    )
    result = project.run()
    result.stdout.fnmatch_lines(["*holds*"])
    result.stdout.no_fnmatch_line("*accepted by hand*")


def test_a_winner_is_written_into_the_prompt_file_and_becomes_the_baseline(
    project: Project, model: FunctionModel
) -> None:
    """The search repeats from the recordings; comments stay; a plain run then holds, unpaid."""
    project.suite("budget=Budget(calls=600)", examples=120)
    project.run("--lm-optimize=bootstrap")
    asked = model.calls
    project.run("--lm-optimize=bootstrap", "--lm-snapshot-update").stdout.fnmatch_lines(
        ["written: shout.yaml"]
    )
    text = (project.path / "shout.yaml").read_text()
    assert text.startswith("# how we shout\n")
    assert text.count("loud: WORD") >= 1
    project.run().stdout.fnmatch_lines(["*+0.000*holds*"])
    assert model.calls == asked


def test_random_answers_that_won_are_drawn_afresh_before_they_become_a_baseline(
    project: Project, model: FunctionModel
) -> None:
    """A model that was lucky once: its second answers are what later runs are held to.

    The calls for them are set aside from the start.
    """
    lucky, seen = SimulatedModel(), set[str]()

    def once(chat: Chat) -> str:
        known = repr(chat) in seen
        seen.add(repr(chat))
        return "no idea" if known else lucky.answer(chat)

    model.answer = once
    project.write("shout.yaml", "instruction: SHOUT.\ninputs: [word]\noutput: loud\n")
    project.suite("budget=Budget(calls=600)", examples=120)
    result = project.run("--lm-optimize=bootstrap", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["*: improved", "written: shout.yaml"])
    snapshot = (project.path / "__lm_snapshots__/test_words/test_shout.yaml").read_text()
    assert "mean: 0.0\n" in snapshot
    assert model.calls <= 600


def test_the_uses_of_the_holdout_are_counted(project: Project) -> None:
    """The second confirmation on the same holdout is tested at a stricter level."""
    project.suite("budget=Budget(calls=500)", examples=120)
    project.run("--lm-optimize", "--lm-snapshot-update")
    snapshot = project.path / "__lm_snapshots__/test_words/test_shout.yaml"
    assert "holdout_uses: 1\n" in snapshot.read_text()
    project.write("shout.yaml", "instruction: SHOUT it.\ninputs: [word]\noutput: loud\n")
    project.run("--lm-optimize", "--lm-snapshot-update", "--lm-gate=off")
    assert "holdout_uses: 2\n" in snapshot.read_text()


def _no_better(chat: Chat) -> str:
    """Demos help a little: too little to be proven."""
    limit = 150 if len(chat) > 2 else 128
    lucky = hashlib.sha256(repr(chat).encode()).digest()[0] < limit
    return chat[-1][1].upper() if lucky else "no idea"


@pytest.mark.parametrize("accepted", [True, False])
def test_a_suite_that_fails_counts_the_uses_of_its_holdout_and_keeps_its_baseline(
    project: Project, model: FunctionModel, accepted: bool
) -> None:
    """Though it is red and nothing is found, each search is a use, with or without a baseline."""
    model.answer = _no_better
    project.suite("budget=Budget(calls=900), threshold=0.95", examples=120)
    if accepted:
        project.run("--lm-snapshot-update")
    name = "__lm_snapshots__/test_words/test_shout"
    before = project.files()
    for use in (1, 2):
        result = project.run(
            "--lm-optimize=bootstrap", "--lm-snapshot-update", f"--lm-seed={2 - use}"
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [f"*not accepted: use {use} of this holdout*", f"written: {name}.yaml"]
        )
        files = project.files()
        assert f"holdout_uses: {use}\n" in files[f"{name}.yaml"].decode()
        assert files[f"{name}.scores.csv"].decode().count(",holdout,") > 20
        if accepted:
            uses = f"holdout_uses: {use}\n".encode()
            counted = before[f"{name}.yaml"].replace(b"holdout_uses: 0\n", uses)
            assert files[f"{name}.yaml"] == counted
    project.run().stdout.fnmatch_lines(["*test_shout*holds*" if accepted else "*no baseline*"])
    project.run("--lm-optimize=bootstrap", "--lm-snapshot-update", "--lm-resplit=7")
    text = (project.path / f"{name}.yaml").read_text()
    assert "split_seed: 7\n" in text
    assert "holdout_uses: 3\n" in text


def test_two_identical_runs_write_identical_files(project: Project) -> None:
    """No time, path or order of arrival gets into a snapshot, replayed or not."""
    project.suite()
    project.run("--lm-snapshot-update")
    first = project.files()
    for name in first:
        (project.path / name).unlink()
    project.run("--lm-snapshot-update", "--lm-cache=off")
    assert first
    assert project.files() == first


def test_changed_data_are_gated_on_the_rows_that_did_not_change(project: Project) -> None:
    """The new rows are reported apart."""
    project.suite()
    project.run("--lm-snapshot-update")
    project.suite(examples=130)
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_shout*holds*", "*the dataset changed: *; 50 new (*"])


def test_scores_that_did_not_change_are_not_called_inconclusive(
    project: Project, model: FunctionModel
) -> None:
    """A stale baseline is compared for information only, so there is no verdict."""
    project.suite()
    project.run("--lm-snapshot-update")
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("exact_match", "contains"))
    told = project.run("-v").stdout.str()
    assert "NOT GATED: stale (metric changed)" in told
    assert ": no score changed" in told
    assert ": inconclusive" not in told
    model.answer = SimulatedModel(base=0.9).answer
    project.run("--lm-cache=refresh", "-v").stdout.fnmatch_lines(["*: for information, not judged"])


def test_scores_under_the_threshold_are_written_and_red(
    project: Project, model: FunctionModel
) -> None:
    """The baseline is today's scores, as asked; the threshold is another gate, and says so."""
    model.answer = lambda _: "no idea"
    project.suite("threshold=0.9")
    result = project.run("--lm-snapshot-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "failed: score 0.000 is under the threshold 0.9; --lm-snapshot-update changes the "
            "baseline, not the threshold",
            "written: __lm_snapshots__/test_words/test_shout.yaml",
        ]
    )
    assert "changes the baseline" not in project.run().stdout.str()


def test_suites_that_did_not_run_keep_their_snapshots(
    project: Project, model: FunctionModel
) -> None:
    """``-k`` updates what it selects and touches nothing else."""
    project.suite()
    first = (project.path / "test_words.py").read_text()
    project.write("test_words.py", f"{first}\n\ntest_other = pytest.mark.lm_suite()(test_shout)\n")
    project.run("--lm-snapshot-update")
    before = project.files()
    model.answer = SimulatedModel(base=0.9).answer
    project.run("--lm-snapshot-update", "-k", "test_other", "--lm-cache=refresh")
    changed = {name for name, data in project.files().items() if before[name] != data}
    assert changed == {
        "__lm_snapshots__/test_words/test_other.yaml",
        "__lm_snapshots__/test_words/test_other.scores.csv",
    }


def test_a_damaged_snapshot_is_an_error_that_names_the_file(project: Project) -> None:
    """Nothing is judged against a file that can't be read."""
    project.suite()
    project.run("--lm-snapshot-update")
    project.write("__lm_snapshots__/test_words/test_shout.yaml", "version: 3\n")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["error: *test_shout.yaml: unknown format version*found 3. Update pytest-lmopt*"]
    )


def test_in_ci_it_must_be_asked_for_explicitly(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reviews what a CI job writes, unless the job is there to commit it."""
    monkeypatch.setenv("CI", "true")
    project.suite()
    result = project.run("--lm-snapshot-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*CI='true' says that*use --lm-snapshot-update=ci"])
    project.run("--lm-snapshot-update=ci").assert_outcomes(passed=1)
    assert project.files()


def test_a_changed_prompt_is_named(project: Project) -> None:
    """It is what the gate is for; the report says what to do once it is meant."""
    project.suite()
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", "instruction: SHOUT this.\ninputs: [word]\noutput: loud\n")
    project.run().stdout.fnmatch_lines(
        ["*changed since the baseline: shout.yaml; to accept: pytest *"]
    )


def test_snapshots_without_a_test_are_orphans_which_only_a_whole_run_removes(
    project: Project,
) -> None:
    """They are named; a run of selected tests says and removes nothing."""
    project.suite()
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", f"{text}\n\ntest_old = pytest.mark.lm_suite()(test_shout)\n")
    project.run("--lm-snapshot-update")
    project.write("test_words.py", f"{text}\n\ndef test_plain(): pass\n")
    orphan = "__lm_snapshots__/test_words/test_old.yaml"
    project.run("test_words.py::test_shout", "--lm-snapshot-update").assert_outcomes(passed=1)
    project.run("--lm-snapshot-update", "-k", "shout").assert_outcomes(passed=1, deselected=1)
    assert orphan in project.files()
    project.run().stdout.fnmatch_lines(
        [f"orphaned: {orphan} belongs to no test; to remove it, run all tests with *"]
    )
    project.run("--lm-snapshot-update").stdout.fnmatch_lines([f"removed: {orphan}*"])
    assert len(project.files()) == 2


def test_a_run_of_what_failed_last_keeps_the_baselines_of_the_others(project: Project) -> None:
    """``--lf`` leaves out tests of a file without a word; their snapshots are no orphans."""
    project.suite(examples=8)
    project.second_suite()
    project.run("--lm-snapshot-update").assert_outcomes(passed=2)
    kept = {name for name in project.files() if "test_shout" in name}
    assert len(kept) == 2
    text = (project.path / "test_words.py").read_text()
    head, other = text.split("OTHERS = ")
    other = other.replace("metric=metrics.exact_match", "metric=lambda *_: False, threshold=0.5")
    project.write("test_words.py", f"{head}OTHERS = {other}")
    remembering = ("-p", "cacheprovider")
    project.run(*remembering).assert_outcomes(passed=1, failed=1)
    result = project.run(*remembering, "--lf", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(["collected 1 item"])
    result.stdout.no_fnmatch_line("*removed: *")
    assert kept <= project.files().keys()


def test_two_suites_that_want_different_texts_for_a_prompt_are_a_conflict(project: Project) -> None:
    """Neither is written; the report says so."""
    project.suite("budget=Budget(calls=500)", examples=120)
    text = (project.path / "test_words.py").read_text()
    other = text[text.index("@pytest") :].replace("dataset=WORDS", "dataset=WORDS[:90]")
    project.write("test_words.py", f"{text}\n\n{other.replace('test_shout', 'test_other')}")
    result = project.run("--lm-optimize", "--lm-snapshot-update")
    result.stdout.fnmatch_lines(
        [
            "not written: shout.yaml, for which two suites found different texts; to accept one of "
            "them, run it alone: test_words.py::test_shout or test_words.py::test_other"
        ]
    )
    assert "demos" not in (project.path / "shout.yaml").read_text()


def test_what_can_not_be_written_is_told_with_the_rest_of_the_report(project: Project) -> None:
    """As in a checkout that may only be read: what was paid for is reported all the same."""
    project.suite()
    project.write("__lm_snapshots__", "a file where a folder should be")
    result = project.run("--lm-snapshot-update", "--lm-report=json:lm.json")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "test_words.py::test_shout *",
            "written: lm.json",
            "not written: __lm_snapshots__/test_words/test_shout.yaml: Not a directory",
        ]
    )
