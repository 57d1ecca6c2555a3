"""xdist's other ways to distribute tests: they work, or are a usage error."""

from __future__ import annotations

import pytest
from projects.shouting import Project


@pytest.mark.parametrize("mode", ["worksteal", "loadscope", "loadfile", "loadgroup"])
def test_suites_are_the_same_however_tests_are_distributed(mode: str, project: Project) -> None:
    """Each has the name, baseline and score it has without workers."""
    project.answer_apart()
    project.suite()
    project.second_suite(words="other")
    text = (project.path / "test_words.py").read_text()
    for suite in ("test_shout", "test_other"):
        text = text.replace(f"def {suite}", f'@pytest.mark.xdist_group("{suite}")\ndef {suite}')
    project.write("test_words.py", text)
    project.run("--lm-snapshot-update").assert_outcomes(passed=2)
    alone, asked = project.files(), project.asked_apart
    result = project.run_apart("-n", "2", "--dist", mode, "--lm-snapshot-update")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["test_words.py::test_shout *holds*"])
    assert project.files() == alone
    assert project.asked_apart == asked


def test_running_every_test_on_every_worker_is_refused(project: Project) -> None:
    """Both would run the same suite under one name, and pay for it."""
    project.answer_apart()
    project.suite()
    result = project.run_apart("--tx", "2*popen", "--dist", "each")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: test_words.py::test_shout: under --dist each every one of the 2 workers would "
            "run this suite and pay for its calls; share the work instead with -n 2, or run "
            "pytest once for each environment"
        ]
    )
    assert project.asked_apart == 0
    project.run_apart("--tx", "popen", "--dist", "each").assert_outcomes(passed=1)
