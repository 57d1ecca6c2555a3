"""``--lm-dry-run``: the plan, and nothing else."""

from __future__ import annotations

from doubles.openai_server import OpenAIServer
from projects.shouting import Project


def test_it_prints_examples_limits_and_the_detectable_effect(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Nothing is run, asked or written."""
    project.suite("budget=Budget(calls=900, usd=0.5)", examples=200)
    result = project.run("--lm-optimize", "--lm-dry-run")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*lm plan*",
            "test_words.py::test_shout",
            "*200 examples: train *, dev *, holdout *; model openai/simulated",
            "*search (auto) at most: 900 calls, $0.5",
            "*examples can show a difference of about 0.*",
        ]
    )
    assert openai_server.calls == 0
    assert not (project.path / ".lmopt").exists()


def test_with_a_baseline_it_knows_what_an_evaluation_costs(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Calls and tokens are those of the accepted run."""
    project.suite()
    project.run("--lm-snapshot-update")
    result = project.run("--lm-dry-run")
    result.stdout.fnmatch_lines(["*evaluation of * examples: about * calls, * tokens, $0.0000*"])


def test_it_is_refused_under_xdist(project: Project) -> None:
    """Workers would have to be started to find out what they would do."""
    project.suite()
    result = project.run("--lm-dry-run", "-n", "2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--lm-dry-run runs nothing, so it takes no workers*"])
