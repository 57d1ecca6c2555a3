"""The example's committed answers: whoever has no model can run its gate."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"


def test_the_example_gates_from_its_committed_files_alone(tmp_path: Path) -> None:
    """Every answer is there, the scores are the accepted ones, and no server is started."""
    shop = tmp_path / "shop"
    shutil.copytree(EXAMPLE, shop, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--lm-cache=replay"],
        cwd=shop,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert run.stdout.count(" holds ") == 2
    assert not list(shop.glob(".lmopt/session-*"))
