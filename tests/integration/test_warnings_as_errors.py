"""``-W error`` concerns the user's own code: no answer is lost to a warning of our libraries."""

from __future__ import annotations

import sys
import warnings

import pytest
from doubles.function_model import FunctionModel
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import Chat


def test_no_answer_is_lost(project: Project, openai_server_apart: OpenAIServer) -> None:
    """A process of its own imports and first uses the client, which warns."""
    project.suite(examples=20)
    openai_server_apart.answer = lambda chat: chat[-1][1].upper()
    result = project.run_apart("-W", "error", "--lm-cache=off")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_shout *1.000*"])


def test_no_answer_is_lost_where_python_itself_makes_them_errors(
    pytester: pytest.Pytester, project: Project, openai_server_apart: OpenAIServer
) -> None:
    """Also while the client is imported, and where pytest sets no filters."""
    project.suite(examples=20)
    openai_server_apart.answer = lambda chat: chat[-1][1].upper()
    command = [sys.executable, "-W", "error::UserWarning", "-m", "pytest", "-p", "no:warnings"]
    result = pytester.run(*command, "--lm-cache=off", timeout=120)
    result.assert_outcomes(passed=1)


PIPELINE = """\
import warnings
from pytest_lmopt import Prompt

shout = Prompt(name="shout", instruction="SHOUT the word.", inputs=["word"], output="loud")

{maybe_async}def one_step(word):
    loud = {call}
    {after}
    return loud
"""


def warn_and_answer(chat: Chat) -> str:
    """Warn as clients do, then answer."""
    warnings.warn("theirs", stacklevel=1)
    return chat[-1][1].upper()


@pytest.mark.parametrize(
    ("maybe_async", "call"),
    [("", "shout(word=word).text"), ("async ", "(await shout.acall(word=word)).text")],
    ids=["threads", "coroutines"],
)
def test_a_pipelines_own_warnings_are_still_errors(
    project: Project, model: FunctionModel, maybe_async: str, call: str
) -> None:
    """Raised beside calls that are under way in other threads and tasks."""
    model.answer = warn_and_answer
    own = 'warnings.warn("mine") if word.endswith("1") else None'
    project.write("pipeline.py", PIPELINE.format(maybe_async=maybe_async, call=call, after=own))
    project.suite(examples=40)
    if maybe_async:
        text = (project.path / "test_words.py").read_text(encoding="utf-8")
        text = text.replace("def test_", "async def test_").replace(
            "return one", "return await one"
        )
        project.write("test_words.py", text)
    # what other tests of this process left behind may be collected meanwhile
    result = project.run("-W", "error::UserWarning", "-p", "no:unraisableexception", "-vv")
    result.assert_outcomes(passed=1)
    assert "UserWarning: mine" in result.stdout.str()
    assert "without an answer" not in result.stdout.str()


def test_filters_that_a_pipeline_sets_concern_itself_alone(
    project: Project, model: FunctionModel
) -> None:
    """They belong to the process, and other threads' calls are under way."""
    model.answer = warn_and_answer
    own = "warnings.simplefilter('error')"
    project.write(
        "pipeline.py", PIPELINE.format(maybe_async="", after=own, call="shout(word=word).text")
    )
    project.suite(examples=20)
    result = project.run("--lm-cache=off")
    result.stdout.fnmatch_lines(["*test_shout *1.000*"])
