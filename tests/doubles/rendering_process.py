"""A process of little memory that renders templates: ``python -m doubles.rendering_process``.

Reads a JSON object of templates by name, and writes one of ``[error, CPU seconds]`` by name.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.render import check_template, render

MORE_BYTES = 200 << 20
"""What all templates together may take at once, beyond what the process has before."""


def tried(template: str) -> tuple[str, float]:
    """The error of a template that is checked and rendered, and how long that took."""
    began = time.process_time()
    try:
        check_template(template, ("a",))
        state = PromptState(instruction="i", inputs=("a",), outputs=("b",), template=template)
        render(state, {"a": "x"})
        error = ""
    except PromptError as raised:
        error = str(raised)
    return error, time.process_time() - began


def main() -> None:
    """Render all."""
    tried("{{ a }}")  # imports what is needed
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    json.dump({name: tried(text) for name, text in json.load(sys.stdin).items()}, sys.stdout)


if __name__ == "__main__":
    main()
