"""What counts as what: assertions, skips, wrong answers, broken metrics."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project

HEAD = """\
import pytest
from pytest_lmopt import Budget, Score, metrics
from pipeline import one_step

ROWS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "expected": f"WORD{i}", "split": "dev"}
        for i in range(20)]
"""


def test_a_plain_assertion_is_a_metric(project: Project, model: FunctionModel) -> None:
    """An assertion that fails scores 0 with its message as feedback."""
    project.write(
        "test_words.py",
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS, threshold=0.6)
def test_shout(lm_example):
    assert int(lm_example.id[1:]) < 10, "too large"
""",
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["failed: score 0.500 is under the threshold 0.6", "*w10", "*feedback too large*"]
    )


def test_a_skipped_example_is_left_out(project: Project, model: FunctionModel) -> None:
    """It is no failure and no pass; the report counts it."""
    project.write(
        "test_words.py",
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS)
def test_shout(lm_example):
    if lm_example.id == "w3":
        pytest.skip("no data")
""",
    )
    result = project.run()
    result.stdout.fnmatch_lines(["*test_shout *19 *1.000*", "*0 without an answer, 1 skipped"])


def test_a_pipeline_that_raises_is_wrong_and_listed(project: Project, model: FunctionModel) -> None:
    """It scores 0; type and message are shown."""
    project.write(
        "test_words.py",
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS, metric=lambda example, prediction: True, threshold=1)
def test_shout(lm_example):
    if lm_example.id == "w3":
        raise KeyError("no such word")
""",
    )
    result = project.run()
    result.stdout.fnmatch_lines(
        ["*test_shout *20 *0.950*", "*w3", "*feedback KeyError: 'no such word'"]
    )


def test_a_metric_outside_its_range_is_an_error_naming_the_example(
    project: Project, model: FunctionModel
) -> None:
    """The suite is broken, not scored."""
    project.write(
        "test_words.py",
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS, metric=lambda example, prediction: 1.5)
def test_shout(lm_example):
    return ""
""",
    )
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["error: metric failed on example 'w0': returned 1.5, which is outside [[]0, 1[]]*"]
    )


def test_a_metric_that_raises_is_an_error_too(project: Project, model: FunctionModel) -> None:
    """Never a score of 0."""
    project.write(
        "test_words.py",
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS, metric=lambda example, prediction: prediction["x"])
def test_shout(lm_example):
    return {}
""",
    )
    project.run().stdout.fnmatch_lines(
        ["error: metric failed on example 'w0': KeyError: 'x' (*test_words.py, line *)"]
    )


def test_a_metric_may_return_a_score_with_feedback(project: Project, model: FunctionModel) -> None:
    """The feedback is shown with the failing example."""
    project.write(
        "test_words.py",
        HEAD
        + """
def close(example, prediction):
    return Score(value=0.5, feedback="nearly")

@pytest.mark.lm_suite(dataset=ROWS, metric=close, threshold=0.9)
def test_shout(lm_example):
    return ""
""",
    )
    project.run().stdout.fnmatch_lines(["*feedback nearly"])


def test_an_answer_that_lacks_a_field_is_wrong(project: Project, model: FunctionModel) -> None:
    """With several outputs, the answer must have all of them."""
    project.write(
        "shout.yaml", "instruction: SHOUT\ninputs: [word]\noutputs: [loud, mood]\nformat: json\n"
    )
    project.suite("threshold=1", examples=20)
    result = project.run()
    result.stdout.fnmatch_lines(["*test_shout *0.000 *", "*AnswerError: the answer holds no JSON*"])


@pytest.mark.parametrize("wrapped", ["one_step", "carry_context(one_step)"])
def test_a_pipeline_may_have_its_own_threads(project: Project, wrapped: str) -> None:
    """A prompt that they call knows its candidate, wrapped or not."""
    suite = (
        HEAD
        + """
from concurrent.futures import ThreadPoolExecutor
from pytest_lmopt import carry_context

@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
def test_shout(lm_example):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(WRAPPED, lm_example.inputs["word"]).result()
"""
    )
    project.write("test_words.py", suite.replace("WRAPPED", wrapped))
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("options", [[], ["--lm-gate=off"]])
def test_a_pipeline_that_raises_on_every_example_is_never_green(
    project: Project, options: list[str]
) -> None:
    """No baseline or gate is needed to tell that such a suite measures nothing."""
    project.suite()
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace('inputs["word"]', 'inputs["wrod"]'))
    result = project.run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: the pipeline raised on every example, first KeyError*"])


def test_values_that_nothing_looks_at_are_pointed_out(
    project: Project, model: FunctionModel
) -> None:
    """Without a metric or an assertion that ever failed, a returned value changes no score."""
    suite = (
        HEAD
        + """
@pytest.mark.lm_suite(dataset=ROWS)
def test_shout(lm_example):
    BODY
"""
    )
    warning = "*warning: the test returned values (str) that nothing looked at: *metric=, or assert"
    project.write("test_words.py", suite.replace("BODY", "return 'wrong'"))
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([warning])
    for body in ("assert lm_example.id", "assert lm_example.id != 'w3'; return 'right'"):
        project.write("test_words.py", suite.replace("BODY", body))
        assert "nothing looked at" not in project.run().stdout.str()


@pytest.mark.parametrize("options", [[], ["--lm-gate=off"], ["--lm-snapshot-update"]])
def test_a_test_that_returns_nothing_is_never_green(
    project: Project, model: FunctionModel, options: list[str]
) -> None:
    """A forgotten return looks like a model that is always wrong; the report names it."""
    project.suite()
    text = (project.path / "test_words.py").read_text()
    project.write("test_words.py", text.replace("return one_step", "one_step"))
    result = project.run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["failed: the test returned None on every example, *return the *"])
    assert project.files() == {}


def test_nothing_may_be_the_right_answer(project: Project, model: FunctionModel) -> None:
    """Where the metric says so; the ready-made ones need an expected value."""
    for metric, outcome in (
        ("lambda example, given: given is example.expected", "passed"),
        ("lambda *_: True", "passed"),
        ("metrics.exact_match", "failed"),
    ):
        project.write(
            "test_words.py",
            HEAD
            + f"""
ROWS = [{{**row, "expected": None}} for row in ROWS]

@pytest.mark.lm_suite(dataset=ROWS, metric={metric})
def test_shout(lm_example):
    return None
""",
        )
        project.run().assert_outcomes(**{outcome: 1})


def test_nor_is_it_quoted_where_every_example_raises(project: Project) -> None:
    """One of dev is told in its words, one of holdout only where there is no other."""
    suite = """
@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
def test_shout(lm_example):
    raise ValueError(f"no idea of {lm_example.expected}")
"""
    for dev, told in (("i == 7", "ValueError: no idea of WORD7"), ("False", "ValueError")):
        rows = HEAD.replace('"split": "dev"', f'"split": "dev" if {dev} else "holdout"')
        project.write("test_words.py", rows + suite)
        result = project.run("--lm-report=json:lm.json")
        result.stdout.fnmatch_lines([f"failed: the pipeline raised on every example, first {told}"])
        assert "no idea of" not in result.stdout.str().replace("no idea of WORD7", "")
        assert "no idea of" not in (project.path / "lm.json").read_text().replace(
            "no idea of WORD7", ""
        )


def test_an_error_that_quotes_a_holdout_example_is_told_by_its_kind(project: Project) -> None:
    """Its message may hold the expected answer, which nobody is to tune to."""
    project.write(
        "test_words.py",
        HEAD.replace('"split": "dev"', '"split": "holdout" if i % 2 else "dev"')
        + """
@pytest.mark.lm_suite(dataset=ROWS, metric=metrics.exact_match)
def test_shout(lm_example):
    if lm_example.id == "w7":
        raise ValueError(f"secret: {lm_example.expected}")
    return lm_example.expected
""",
    )
    result = project.run()
    result.stdout.fnmatch_lines(["*warning: 1 of 20 runs raised, *example 'w7': ValueError"])
    assert "secret" not in result.stdout.str()


TASKS = (
    HEAD
    + """
import asyncio

async def task(example):
    await asyncio.sleep(0)
    if example.id == "w3":
        raise ERROR

@pytest.mark.lm_suite(dataset=ROWS)
async def test_shout(lm_example):
    await asyncio.create_task(task(lm_example))

def test_another():
    pass
"""
)


def test_an_exit_in_a_task_of_its_own_makes_the_suite_an_error(project: Project) -> None:
    """asyncio lets it out of its loop, past the example; the session goes on."""
    project.write("test_words.py", TASKS.replace("ERROR", "SystemExit(4)"))
    result = project.run()
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["error: a task that the pipeline began raised SystemExit: 4"])


def test_ctrl_c_in_a_task_of_its_own_ends_the_session(
    pytester: pytest.Pytester, project: Project
) -> None:
    """As in the pipeline itself."""
    project.write("test_words.py", TASKS.replace("ERROR", "KeyboardInterrupt"))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*interrupted: stopped by Ctrl-C"])


@pytest.mark.parametrize(
    ("body", "left_out", "score"),
    [
        ("unittest.TestCase().skipTest('no data')", 1, "1.000"),
        ("pytest.xfail('known')", 1, "1.000"),
        ("pytest.importorskip('no_such_module')", 1, "1.000"),
        ("pytest.fail('no', pytrace=False)", 0, "0.950"),
        ("unittest.TestCase().fail('no')", 0, "0.950"),
        ("raise ExceptionGroup('', [AssertionError('no')])", 0, "0.950"),
        ("raise BaseExceptionGroup('', [unittest.SkipTest('no data')])", 1, "1.000"),
    ],
)
def test_outcomes_mean_what_they_mean_in_a_test(
    project: Project, body: str, left_out: int, score: str
) -> None:
    """Skipped and expected to fail: left out; failed: 0."""
    project.write(
        "test_words.py",
        HEAD
        + f"""
import unittest

@pytest.mark.lm_suite(dataset=ROWS)
def test_shout(lm_example):
    if lm_example.id == "w3":
        {body}
""",
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*test_shout *{20 - left_out} *{score}*"])
    if left_out:
        result.stdout.fnmatch_lines(["*0 without an answer, 1 skipped"])
