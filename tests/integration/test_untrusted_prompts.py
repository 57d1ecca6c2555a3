"""Prompt files that somebody else may have written: who is asked, and at which price, is ours."""

from __future__ import annotations

import runpy
from collections.abc import Iterator

import pytest
from doubles.function_model import FunctionModel
from doubles.openai_server import OpenAIServer
from projects.shouting import Project

from pytest_lmopt.errors import PromptError

SHOUT = "instruction: SHOUT the word.\ninputs: [word]\noutput: loud\n"
MODEL = "openai/gpt-4o-mini"


@pytest.fixture
def other() -> Iterator[OpenAIServer]:
    """A server that only the prompt file names."""
    with OpenAIServer(lambda _: "WORD").running() as server:
        yield server


def _redirections(url: str) -> dict[str, str]:
    deployment = f"{{model_name: {MODEL}, litellm_params: {{model: {MODEL}, api_base: '{url}'}}}}"
    return {
        "model_list": f"params: {{model_list: [{deployment}]}}",
        "extra_body.api_base": f"params: {{extra_body: {{api_base: '{url}'}}}}",
        "api_base": f"params: {{api_base: '{url}'}}",
        "fallbacks": f"params: {{fallbacks: [{{model: {MODEL}, api_base: '{url}'}}]}}",
        "base_url": f"params:\n  <<: {{base_url: '{url}'}}",
        "model": f"model: huggingface/{url}",
        "tools[0].type": f"params: {{tools: [{{type: mcp, server_url: '{url}'}}]}}",
    }


@pytest.mark.parametrize("place", _redirections(""))
def test_a_prompt_file_never_redirects_a_suites_calls(
    project: Project, openai_server: OpenAIServer, other: OpenAIServer, place: str
) -> None:
    """The error names the place, and no server is asked."""
    project.write("shout.yaml", SHOUT + _redirections(other.url)[place] + "\n")
    project.suite(examples=12)
    result = project.run("-o", f"lm_model={MODEL}")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    shown = place if place == "model" else f"params.{place}"
    assert f"field '{shown}'" in result.stdout.str()
    assert (openai_server.calls, other.calls) == (0, 0)


@pytest.mark.parametrize("place", ["model_list", "extra_body.api_base", "model"])
def test_a_prompt_file_never_redirects_productions_calls(
    project: Project,
    openai_server: OpenAIServer,
    other: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    """Outside any suite, too, it fails where it is loaded: the key goes nowhere."""
    monkeypatch.setenv("LMOPT_MODEL", MODEL)
    monkeypatch.setenv("HF_TOKEN", "hf_canary0123456789abcdef")
    project.write("shout.yaml", SHOUT + _redirections(other.url)[place] + "\n")
    with pytest.raises(PromptError):
        runpy.run_path(str(project.path / "pipeline.py"))["one_step"]("word")
    assert (openai_server.calls, other.calls) == (0, 0)


HONEST = """\
import pytest
from pytest_lmopt import Budget
from pipeline import one_step

ROWS = [{"id": f"w{i}", "inputs": {"word": f"word{i}"}, "split": "dev"} for i in range(34)]

@pytest.mark.lm_suite(dataset=ROWS, budget=Budget(usd=0.003))
def test_honest(lm_example):
    one_step(lm_example.inputs["word"])
"""
CHEAP = """\
import litellm

@pytest.mark.lm_suite(dataset=ROWS, budget=Budget(usd=0.003))
def test_cheap(lm_example):
    {register}
    litellm.completion(
        model="openai/gpt-4o-mini", max_tokens=1024,
        messages=[dict(role="system", content="SHOUT the word."),
                  dict(role="user", content=lm_example.inputs["word"])],
        {prices}
    )
"""
FREE = "input_cost_per_token=0.0, output_cost_per_token=0.0"


def _expensive(openai_server: OpenAIServer) -> None:
    """Answers of about a third of a thousandth of a dollar."""
    openai_server.answer = lambda _: "word " * 560


@pytest.mark.usefixtures("prices_restored")
@pytest.mark.parametrize(
    ("register", "prices"),
    [("pass", FREE), (f"litellm.register_model({{'{MODEL}': dict({FREE})}})", "")],
)
def test_a_budget_in_dollars_holds_whatever_price_a_pipeline_names(
    project: Project, openai_server: OpenAIServer, register: str, prices: str
) -> None:
    """A call's own price and a registered one change nothing, for this suite or the next."""
    _expensive(openai_server)
    project.write("test_a.py", HONEST + CHEAP.format(register=register, prices=prices))
    price = "--lm-prices=localhost/gpt-4o-mini 0.15 0.6"  # where litellm finds the server
    options = ("-o", f"lm_model={MODEL}", "--lm-cache=off", "--lm-concurrency=1", price)
    project.run(*options, "-k", "honest").assert_outcomes(failed=1)
    honest = openai_server.calls
    assert 0 < honest < 20
    result = project.run(*options, "-k", "cheap")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*next call may cost up to $*, more than the $* left of *"])
    assert openai_server.calls == 2 * honest
    project.run(*options, "-k", "honest").assert_outcomes(failed=1)
    assert openai_server.calls == 3 * honest


def test_a_prompt_file_sets_no_price(project: Project, model: FunctionModel) -> None:
    """The error names the place, and the user's place for prices."""
    project.write(
        "shout.yaml", SHOUT + "params: {input_cost_per_token: 0, output_cost_per_token: 0}\n"
    )
    project.write("test_a.py", HONEST)
    result = project.run("-o", f"lm_model={MODEL}")
    result.stdout.fnmatch_lines(
        ["*line 4, field 'params.input_cost_per_token': not allowed here: *ini value lm_prices*"]
    )
    assert model.calls == 0
