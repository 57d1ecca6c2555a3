"""README and documents as the tests read them: blocks of code, with what is said of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

BLOCK = re.compile(
    r"(?:<!-- (?P<note>[^\n]*?) -->\n)?^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r"# ([\w./-]+\.\w+)\n")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block; ``file`` is the file it is, if any, and ``note`` the comment before it."""

    language: str
    text: str
    file: str
    note: str


def blocks_of(page: Path, *, run: bool = True) -> list[Block]:
    """Read a page's blocks: those that are not left out, or all if they need not ``run``."""
    found = []
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        indent = len(match["indent"])
        text = "".join(line[indent:] or "\n" for line in match["text"].splitlines(keepends=True))
        note = match["note"] or ""
        named = NAMED.match(text)
        file = note.removeprefix("file: ") if note.startswith("file: ") else ""
        file = file or (named[1] if named else "")
        if not (run and note.startswith("not run: ")):
            found.append(Block(language=match["language"], text=text, file=file, note=note))
    return found
