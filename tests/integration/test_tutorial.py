"""The tutorial, as its reader goes through it: what it says will happen happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from projects.documents import ROOT, blocks_of

pytestmark = [pytest.mark.slow, pytest.mark.real_model]

PAGE = ROOT / "docs/tutorial.md"
PROMPT = "example_project/backoffice/prompts/ledger_date.yaml"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with nothing but the example, and a shell that finds our pytest."""
    hidden = shutil.ignore_patterns(".lmopt", "__pycache__", ".pytest_cache")
    shutil.copytree(ROOT / "example_project", tmp_path / "example_project", ignore=hidden)
    (tmp_path / ".gitignore").write_text("__pycache__/\n.pytest_cache/\n", encoding="utf-8")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    me = "-c user.name=reader -c user.email=reader@example.invalid"
    for command in ("git init -q", "git add .", f"git {me} commit -qm example"):
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    return tmp_path


def test_the_tutorial_goes_as_it_says(checkout: Path) -> None:
    """Every command in turn: a gate that holds, a plan, a search, its winner, and a refusal."""
    commands = [
        line
        for block in blocks_of(PAGE)
        if block.language == "sh"
        for line in block.text.splitlines()
    ]
    outputs = []
    for place, command in enumerate(commands):
        if command == commands[-1]:  # by hand, as the tutorial asks
            prompt = checkout / PROMPT
            text, demos, _ = prompt.read_text(encoding="utf-8").partition("demos:\n")
            assert demos
            prompt.write_text(text, encoding="utf-8")
        done = subprocess.run(
            command,
            shell=True,
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=900,
            check=False,
        )
        assert done.returncode == (place == len(commands) - 1), f"{command}\n{done.stdout}"
        outputs.append(done.stdout)

    gate, plan, search, accept, change, refused = outputs
    assert gate.count(" holds ") == 2
    assert "(100 % cached)" in gate
    assert "lm plan" in plan
    for told in ("370 calls", "tokens", "80 % power"):
        assert told in plan, plan
    assert "(mid-p McNemar): improved" in search
    assert "+demos:" in search
    assert "written" not in search
    assert f"written: {PROMPT.partition('/')[2]}" in accept
    for file in (PROMPT, "__lm_snapshots__/test_backoffice/test_ledger.yaml", "test_ledger.jsonl"):
        assert file in change
    assert "+demos:" in change
    assert "failed: regressed against the baseline" in refused
    for told in ("expected", "got", "difference -", "p = "):
        assert told in refused

    put_back = "git checkout example_project"
    assert f"`{put_back}`" in PAGE.read_text(encoding="utf-8")
    subprocess.run(put_back, shell=True, cwd=checkout, check=True)
    left = subprocess.check_output("git status --short", shell=True, cwd=checkout)
    assert not left
