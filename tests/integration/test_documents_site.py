"""The documents' site builds without a warning, and a reader's browser fetches nothing."""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_lmopt
from pytest_lmopt.strategies.registry import STRATEGIES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Path:
    """Where the site was built, once for all workers."""
    folder = tmp_path_factory.getbasetemp().parent / f"site-{testrun_uid}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _build(folder)
    return folder


def _build(folder: Path) -> None:
    begun = folder.with_suffix(".begun")
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/build.py"), str(begun)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    begun.rename(folder)


def test_every_page_is_built_and_fetches_nothing(folder: Path) -> None:
    """No script, style, font or picture from elsewhere."""
    pages = sorted((folder / "site").rglob("*.html"))
    names = {page.relative_to(folder / "site").as_posix() for page in pages}
    for page in (folder / "docs").rglob("*.md"):
        assert page.relative_to(folder / "docs").with_suffix(".html").as_posix() in names
    fetched = re.compile(
        r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//"""
    )
    for page in pages:
        assert not fetched.search(page.read_text(encoding="utf-8")), page


def test_the_reference_knows_what_the_code_has(folder: Path) -> None:
    """Options, strategies, public names, hooks, errors."""
    reference = folder / "docs/reference"
    options = (reference / "options.md").read_text(encoding="utf-8")
    assert "`--lm-optimize[=STRATEGY]`" in options
    assert "`lm_otel`" in options
    shown = (folder / "site/reference/options.html").read_text(encoding="utf-8")
    assert "<code>--lm-accept=significant|best</code>" in shown
    strategies = (reference / "strategies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## (\w+)$", strategies, re.MULTILINE)) == set(STRATEGIES)
    python = (reference / "python.md").read_text(encoding="utf-8")
    named = {*pytest_lmopt.__all__, "strategies", "testing", "Hooks"}
    assert set(re.findall(r"^## (\w+)$", python, re.MULTILINE)) == named
    assert "### pytest_lmopt_lm\n" in python
    assert "## BudgetExhaustedError" in (reference / "errors.md").read_text(encoding="utf-8")


def test_figures_are_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    """A figure that differs between builds would say that a computation does."""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'docs')!r}); import figures, pathlib;"
    code += f"figures.detectable(pathlib.Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    made = folder / "docs/explanation/figures/detectable.svg"
    assert made.read_bytes() == (tmp_path / "detectable.svg").read_bytes()
