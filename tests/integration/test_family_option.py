"""``--lm-family``: several suites judged as one family."""

from __future__ import annotations

from doubles.openai_server import OpenAIServer
from projects.shouting import Project

from pytest_lmopt.testing.simulated_model import SimulatedModel


def test_each_suite_is_judged_at_its_share_of_alpha(
    project: Project, openai_server: OpenAIServer
) -> None:
    """Bonferroni decides; the report shows Holm's adjusted p-values beside."""
    openai_server.answer = SimulatedModel(base=0.4, bonus=0.13).answer
    project.write("shout.yaml", "instruction: SHOUT carefully\ninputs: [word]\noutput: loud\n")
    project.suite()
    text = (project.path / "test_words.py").read_text()
    copies = "".join(
        f"\ntest_{number} = pytest.mark.lm_suite()(test_shout)\n" for number in range(9)
    )
    project.write("test_words.py", text + copies)
    project.run("--lm-snapshot-update")
    project.write("shout.yaml", "instruction: SHOUT\ninputs: [word]\noutput: loud\n")
    project.run().assert_outcomes(failed=10)
    result = project.run("--lm-family")
    result.stdout.fnmatch_lines(["*: inconclusive, *; p adjusted for 10 suites (Holm): 0.*"])
    result.assert_outcomes(passed=10)
