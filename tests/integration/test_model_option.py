"""``--lm-model``, ``lm_model``, ``LMOPT_MODEL`` and the mark's ``model=``."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from projects.shouting import Project


def _models_asked(model: FunctionModel) -> set[str]:
    return {request.model for request in model.requests}


@pytest.fixture
def providers(pytester: pytest.Pytester, litellm_imported: None) -> Project:
    """A project that no hook offers a model: litellm's providers are asked."""
    return Project(pytester)


def _forget_ini_model(project: Project) -> None:
    project.write("tox.ini", "[pytest]\npythonpath = .\n")


def test_the_option_wins_over_ini_and_environment(
    project: Project, model: FunctionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Command line, then configuration, then environment."""
    monkeypatch.setenv("LMOPT_MODEL", "openai/of-environment")
    project.suite(examples=20)
    project.run("--lm-model=openai/of-option")
    assert _models_asked(model) == {"openai/of-option"}
    model.requests.clear()
    project.run()
    assert _models_asked(model) == {"openai/simulated"}
    model.requests.clear()
    _forget_ini_model(project)
    project.run()
    assert _models_asked(model) == {"openai/of-environment"}


def test_the_mark_wins_over_the_option_and_the_prompt_file_over_the_mark(
    project: Project, model: FunctionModel
) -> None:
    """The closer to the prompt, the stronger."""
    project.suite("model='openai/of-mark'", examples=20)
    project.run("--lm-model=openai/of-option")
    assert _models_asked(model) == {"openai/of-mark"}
    model.requests.clear()
    project.write(
        "shout.yaml",
        "instruction: SHOUT\ninputs: [word]\noutput: loud\nmodel: openai/of-file\n",
    )
    project.run()
    assert _models_asked(model) == {"openai/of-file"}


def test_none_is_no_model_whatever_the_others_say(
    pytester: pytest.Pytester,
    project: Project,
    model: FunctionModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prompts that name none have none; those that name one, or whose mark does, keep it."""
    monkeypatch.setenv("LMOPT_MODEL", "openai/of-environment")
    project.suite(examples=20)
    unanswered = Project(pytester).run("--lm-model=none")
    unanswered.assert_outcomes(failed=1)
    unanswered.stdout.fnmatch_lines(
        ["error: prompt 'shout' has no model: set one with --lm-model=*"]
    )
    project.suite("model='openai/of-mark'", examples=20)
    project.run("--lm-model=none").assert_outcomes(passed=1)
    assert _models_asked(model) == {"openai/of-mark"}


def test_no_model_at_all_is_one_line_saying_what_to_set(
    pytester: pytest.Pytester,
) -> None:
    """Nothing is asked, and there is no traceback."""
    project = Project(pytester)
    _forget_ini_model(project)
    project.suite(examples=20)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["error: prompt 'shout' has no model: set one with --lm-model=*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_missing_key_is_one_line_naming_the_variable(providers: Project) -> None:
    """The first refused call ends the suite; nothing is retried."""
    providers.suite(examples=20)
    result = providers.run("--lm-model=openai/gpt-4o-mini")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["error: no key for model 'openai/gpt-4o-mini': set OPENAI_API_KEY*"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_model_string_without_a_provider_is_explained(providers: Project) -> None:
    """As is an unknown provider."""
    providers.suite(examples=20)
    result = providers.run("--lm-model=nonsense")
    result.stdout.fnmatch_lines(["error: model 'nonsense' names no provider litellm knows*"])


def test_a_local_model_file_that_is_not_there_is_named(pytester: pytest.Pytester) -> None:
    """``local:PATH`` must be a file."""
    project = Project(pytester)
    project.suite(examples=20)
    result = project.run("--lm-model=local:nowhere.gguf")
    result.stdout.fnmatch_lines(["error: model 'local:nowhere.gguf': there is no file *"])
