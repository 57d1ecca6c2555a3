"""The code blocks of README and documents run, all in one project.

A block that begins with ``# some/file`` is that file; other Python runs as a script once all files
are there; a line that begins with ``pytest`` in a shell block must be one that pytest understands.
``<!-- file: PATH -->`` before a block names its file where it can't itself, and
``<!-- not run: REASON -->`` leaves a block out.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from doubles.function_model import FunctionModel
from projects.documents import PAGES, Block, blocks_of

from pytest_lmopt.testing.simulated_model import Chat

LANGUAGES = {"python", "sh", "yaml", "toml", "json", "text"}


def write_files(blocks: list[Block], folder: Path) -> list[str]:
    """Write the blocks that are files; a dataset's one row is followed by others like it."""
    files = [block for block in blocks if block.file]
    for block in files:
        path = folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = block.text
        if path.suffix == ".jsonl":
            row = json.loads(text)
            text += "".join(json.dumps({**row, "id": f"{row['id']}-{n}"}) + "\n" for n in range(40))
        path.write_text(text, encoding="utf-8")
    return [block.file for block in files]


def answer(chat: Chat) -> str:
    """What the README's project and a judge expect."""
    return "score: 5\nfeedback: fits" if "from 1 (wrong)" in chat[0][1] else "FIN"


def test_what_the_pages_show_runs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As written, in one project: no test is red, no script raises, no page undoes another."""
    blocks = [block for page in PAGES for block in blocks_of(page)]
    files = write_files(blocks, pytester.path)
    assert len(files) == len(set(files))
    tests = [file for file in files if Path(file).name.startswith("test_")]
    scripts = [block.text for block in blocks if block.language == "python" and not block.file]
    assert len(tests) > 5
    assert scripts
    model = FunctionModel(answer)
    price = "lm_prices=openai/gpt-4o-mini 0.15 0.6"  # else it takes seconds to import litellm's
    options = "-p", "no:cacheprovider", "-q", "--lm-concurrency=4", "-o", price
    assert pytester.runpytest_inprocess(*options, *tests, plugins=[model]).ret == 0
    monkeypatch.setattr("pytest_lmopt.lm.stack.production_lm", model.pytest_lmopt_lm)
    for script in scripts:
        exec(compile(script, "script", "exec"), {"__name__": "__main__"})
    assert {request.model for request in model.requests} == {"openai/gpt-4o-mini", "openai/gpt-4o"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_tells_people_to_type_is_understood(
    page: Path, pytestconfig: pytest.Config
) -> None:
    """Options, their values, and the spelling of both."""
    for block in blocks_of(page):
        assert block.language in LANGUAGES
        for line in block.text.splitlines() if block.language == "sh" else ():
            typed = shlex.split(line, comments=True)
            while typed and "=" in typed[0]:  # variables set for one command
                typed = typed[1:]
            if typed[:1] == ["pytest"] and "&&" not in typed:
                pytestconfig._parser.parse(typed[1:])


def test_a_page_that_tells_wrong_is_found_out(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Else these tests would prove nothing."""
    page = tmp_path / "page.md"
    page.write_text(
        "1. Step:\n\n    ```sh\n    pytest --lm-gate=never\n    ```\n\n"
        "<!-- not run: a reason -->\n```sh\npytest --nonsense\n```\n\n"
        '```python\n# shop/a.py\nprint("a")\n```\n',
        encoding="utf-8",
    )
    shell, python = blocks_of(page)
    assert shell.text == "pytest --lm-gate=never\n"
    assert (python.file, python.language) == ("shop/a.py", "python")
    with pytest.raises(pytest.UsageError):
        pytestconfig._parser.parse(shlex.split(shell.text)[1:])
