"""``lm_meta_prompts``: a folder with the user's own words for what proposers are asked."""

from __future__ import annotations

import pytest
from doubles.function_model import FunctionModel
from doubles.simulated_proposer import SimulatedProposer, served
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel

OWN = """\
Zum Wohl! {{ tried | length }} bisher.
{% for name in wanted %}<instruction prompt="{{ name }}">...</instruction>{% endfor %}
"""


@pytest.fixture
def project(project: Project) -> Project:
    """A project that keeps its meta-prompts in a folder."""
    project.write(
        "tox.ini",
        "[pytest]\nlm_model = openai/simulated\npythonpath = .\nlm_meta_prompts = meta\n",
    )
    project.suite("budget=Budget(calls=80)", examples=50)
    (project.path / "meta").mkdir()
    return project


def test_a_file_replaces_ours_of_that_name(project: Project, model: FunctionModel) -> None:
    """The others stay."""
    model.answer = served(SimulatedProposer(), SimulatedModel(bonus=0.5).answer)
    project.write("meta/opro.j2", OWN)
    project.run("--lm-optimize=opro")
    asked = [
        request.messages[0].content for request in model.requests if len(request.messages) == 1
    ]
    assert asked[0] == 'Zum Wohl! 1 bisher.\n<instruction prompt="shout">...</instruction>'
    model.requests.clear()
    project.run("--lm-optimize=mipro")
    assert any("You write the instruction" in str(request.messages) for request in model.requests)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "opra.j2",
            OWN,
            "*meta?opra.j2 replaces nothing; the meta-prompts are *opro.j2*",
        ),
        ("opro.j2", "{% for %}", "*meta?opro.j2, line 1: *"),
        ("opro.j2", "\n{{ wanted", "*meta?opro.j2, line 2: *"),
        ("mipro.j2", "{{ tipp }}", "*meta?mipro.j2 uses 'tipp'; it may use about, effects, *tip*"),
    ],
)
def test_a_file_that_can_not_be_used_is_a_usage_error(
    name: str, text: str, message: str, project: Project, model: FunctionModel
) -> None:
    """Before anything is spent."""
    project.write(f"meta/{name}", text)
    result = project.run("--lm-optimize=opro")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: ini value lm_meta_prompts: {message}"])
    assert model.calls == 0


def test_so_is_a_folder_that_is_not_there(project: Project) -> None:
    """It is looked for in the root folder."""
    (project.path / "meta").rmdir()
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: ini value lm_meta_prompts: there is no folder */meta; *"])


def test_what_only_values_show_is_the_suites_error(project: Project) -> None:
    """It says where and what may be used."""
    project.write("meta/opro.j2", "{{ steps[0].nme }}")
    result = project.run("--lm-optimize=opro")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*meta-prompt *meta?opro.j2: * 'nme'*; it may use about, *"])
