"""``--lm-report=json:PATH`` and junit properties."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from doubles.openai_server import OpenAIServer
from projects.shouting import Project


def test_the_report_is_written_as_json(project: Project, openai_server: OpenAIServer) -> None:
    """Folders are made as needed; relative paths start where pytest was started."""
    project.suite()
    project.run("--lm-report=json:out/lm.json")
    document = json.loads((project.path / "out/lm.json").read_text())
    assert document["version"] == 1
    (suite,) = document["suites"]
    assert suite["suite"] == "test_words.py::test_shout"
    assert suite["usage"]["calls"] == openai_server.calls


def test_junit_has_one_testcase_with_a_few_figures(
    project: Project, openai_server: OpenAIServer
) -> None:
    """The report itself does not swell the file."""
    project.suite()
    project.run("--junitxml=junit.xml")
    (case,) = ET.parse(project.path / "junit.xml").iter("testcase")
    properties = {item.get("name") for item in case.iter("property")}
    assert properties == {"lm_score", "lm_verdict", "lm_calls", "lm_tokens"}
