"""Build the documents' site: ``python docs/build.py [FOLDER]`` (default ``build/docs``).

Pages and figures that are made are made in that folder, beside a copy of those that are written, so
that nothing generated is ever committed or stale.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import figures
import reference

ROOT = Path(__file__).resolve().parents[1]


def build(folder: Path) -> Path:
    """Write the site and return its folder; anything the builder warns of is an error."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "docs"
    ignored = shutil.ignore_patterns("*.py", "*.jsonl", "__pycache__")
    shutil.copytree(ROOT / "docs", pages, ignore=ignored)
    shutil.copy(ROOT / "zensical.toml", folder)
    reference.write_all(pages / "reference")
    figures.draw_all(pages / "explanation" / "figures")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "site"


if __name__ == "__main__":
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "docs"))
