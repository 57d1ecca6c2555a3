"""``python -m pytest_lmopt``."""

from __future__ import annotations

import sys

from pytest_lmopt.commands.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
