"""``--lm-cache``: what is recorded, replayed and asked anew."""

from __future__ import annotations

from doubles.function_model import FunctionModel
from doubles.manual_clock import ManualClock
from projects.shouting import Project

from pytest_lmopt.errors import TransientError


def test_a_second_run_is_answered_from_the_recordings(
    project: Project, model: FunctionModel
) -> None:
    """And says so."""
    project.suite()
    project.run()
    asked = model.calls
    project.run().stdout.fnmatch_lines([f"*test_shout * {asked} * 100 %*"])
    assert model.calls == asked


def test_replay_never_asks_and_names_what_is_missing(
    project: Project, model: FunctionModel
) -> None:
    """A gate in CI needs no key; an answer it lacks is an error, never a score.

    All that is lacking is counted by prompt, however few that is; the report says how to have it.
    """
    project.suite("max_missing=0.5", examples=120)
    project.run()
    asked = model.calls
    project.run("--lm-cache=replay").assert_outcomes(passed=1)
    project.suite("max_missing=0.5", examples=140)
    result = project.run("--lm-cache=replay")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "error: 1[0-9] requests are not recorded, and --lm-cache=replay asks no model: "
            "1[0-9] of prompt shout.yaml ('word12*', 'word1*', 'word1*', …). Closest recorded "
            "request: messages.1.content: expected '*' (recorded), found '*'. Nothing is judged. "
            "*run the same without --lm-cache=replay*with --lm-record=DIR it also writes them to "
            "files to commit"
        ]
    )
    assert model.calls == asked


def test_refresh_asks_everything_anew(project: Project, model: FunctionModel) -> None:
    """The new answers replace the recorded ones."""
    project.suite()
    project.run()
    asked = model.calls
    model.answer = lambda _: "something else"
    project.run("--lm-cache=refresh").stdout.fnmatch_lines(["*test_shout *0.000 [[]0.00*"])
    assert model.calls == 2 * asked
    project.run().stdout.fnmatch_lines(["*test_shout *0.000 [[]0.00*100 %*"])


def test_off_records_nothing(project: Project) -> None:
    """There is not even a store."""
    project.suite()
    project.run("--lm-cache=off")
    project.run("--lm-cache=off")
    assert not list(project.path.glob(".lmopt/recordings*"))


def test_a_model_that_fails_for_good_makes_the_suite_an_error_and_nothing_is_lost(
    project: Project, model: FunctionModel, clock: ManualClock
) -> None:
    """The suite is red, never scored; the next run asks only for what is missing."""
    project.suite("budget=Budget(calls=400)")
    model.fault = lambda call, request: (
        TransientError("it fails", request=request) if call > 30 else None
    )
    result = project.run("--lm-concurrency=4")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: * runs have no answer*the same command asks only for*"])
    asked = model.calls
    model.fault = lambda *_: None
    project.run().assert_outcomes(passed=1)
    assert model.calls - asked <= 68 - 30


def test_a_rate_limit_that_passes_costs_only_time(
    project: Project, model: FunctionModel, clock: ManualClock
) -> None:
    """Refused attempts are asked again, and count against the budget."""
    project.suite("budget=Budget(calls=400)", examples=40)
    model.fault = lambda call, request: (
        TransientError("too many", request=request, rate_limited=True) if call % 5 == 0 else None
    )
    project.run().assert_outcomes(passed=1)


def test_a_damaged_store_is_named_and_what_can_be_read_of_it_is_kept(
    project: Project, model: FunctionModel
) -> None:
    """One line says which file was set aside; the lost answers are asked for again."""
    project.suite()
    project.run()
    asked = model.calls
    store = project.path / ".lmopt/recordings.sqlite"
    content = bytearray(store.read_bytes())
    content[-24576:] = b"\xff" * 24576
    store.write_bytes(content)
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["note: *.sqlite was damaged and is set aside as recordings.sqlite.damaged-1; * kept"]
    )
    assert store.with_name("recordings.sqlite.damaged-1").read_bytes() == content
    assert 0 < model.calls - asked < asked
    assert "note: " not in project.run("--lm-cache=replay").stdout.str()
