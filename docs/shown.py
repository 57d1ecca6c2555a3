"""What README and documents show of pytest's output: run, cut out, and put below its marker.

All of it is replayed: from the example's committed answers, and from those in ``recordings.jsonl``,
which a search on the packaged model got (``screenshots.py --ask`` renews them).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "example_project"
RECORDINGS = ROOT / "docs" / "recordings.jsonl"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
COLUMNS = 96
SETTINGS = {"COLUMNS": str(COLUMNS), "PYTEST_ADDOPTS": "-p no:randomly -p no:asyncio"}

BLOCK = re.compile(r"(<!-- shown: (\w+) -->\n```text\n)(.*?)(?=^```$)", re.DOTALL | re.MULTILINE)
CI = ("CI", "GITHUB_ACTIONS")
STYLE = re.compile(r"\x1b\[[\d;]*m")
TIMED = re.compile(r"(?:^.*tokens(?:, [\d.]+ s| and seconds per call\):)\n)+", re.MULTILINE)
"""What a search tells of candidates' times, and of those that are efficient by them."""

SEARCH = ("-k", "ledger", "--lm-optimize")
STORY: Mapping[str, tuple[str, ...]] = {
    "gate": ("--lm-cache=replay",),
    "search": SEARCH,
    "accept": (*SEARCH, "--lm-snapshot-update"),
    "failing": ("-k", "ledger"),
}
"""The tutorial's commands; before the last the demos that were found are deleted again."""


class Shop:
    """A copy of the example in a folder of its own, with pytest run in it from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / EXAMPLE.name
        shutil.copytree(EXAMPLE, self.path, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        # accepting the winner overwrites the answers of the prompts as they were
        records = self.path / "tests/records"
        shutil.copytree(records / "tests", records / "before")
        self._prompt = self.path / "backoffice/prompts/ledger_date.yaml"
        self._without_demos = self._prompt.read_text(encoding="utf-8")

    def replay(self) -> dict[str, str]:
        """The story's sections ``lm suites``, in colour, by name; raises ``RuntimeError``."""
        shutil.copy(RECORDINGS, self.path / "tests/records")
        return {name: section(self.run(name, "--lm-cache=replay")) for name in STORY}

    def run(self, name: str, *options: str) -> str:
        """What pytest writes at one point of the story; raises ``RuntimeError``."""
        if name == "failing":
            self._prompt.write_text(self._without_demos, encoding="utf-8")
        status, output = self.pytest(EXAMPLE.name, *STORY[name], "--color=yes", *options)
        if status != (name == "failing"):
            raise RuntimeError(f"{name}: exit status {status}\n{output}")
        return output

    def pytest(self, *arguments: str) -> tuple[int, str]:
        """Exit status and output of pytest, in a process of its own."""
        outside = {name: os.environ[name] for name in os.environ if name not in CI}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=self.folder,
            env=outside | SETTINGS,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout


def section(output: str) -> str:
    """The lines below ``lm suites``, up to the next line across the terminal."""
    lines = output.splitlines()
    plain = [STYLE.sub("", line) for line in lines]
    start = next(at for at, line in enumerate(plain) if " lm suites " in line) + 1
    ends = (at for at, line in enumerate(plain) if at > start and re.match("={3,} ", line))
    return "\n".join(lines[start : next(ends)]).strip("\n") + "\n"


def quoted(name: str, text: str) -> str:
    """A section as a page shows it: below its command, without colours and times, folded."""
    plain = TIMED.sub("    …\n", STYLE.sub("", text))
    command = " ".join(("$ pytest", EXAMPLE.name, *STORY[name]))
    return "".join(f"{_folded(line)}\n" for line in (command, *plain.splitlines()))


def renewed(page: str, sections: Mapping[str, str]) -> str:
    """A page with its marked blocks made anew; raises ``KeyError`` for a name that is unknown."""
    return BLOCK.sub(lambda block: block[1] + quoted(block[2], sections[block[2]]), page)


def _folded(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False)
