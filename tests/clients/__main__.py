"""Try clients from a shell: ``PYTHONPATH=tests python -m clients newest/openai_sync``.

A part of a name selects every client that has it. Folders are kept below ``--keep``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from clients.conditions import assess
from clients.registry import CLIENTS


def main() -> None:
    """Print each client's conditions, with what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[""])
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    for client in CLIENTS:
        if any(name in client.name for name in options.names):
            begun = time.monotonic()
            folder = options.keep and options.keep / client.name.replace("/", "-")
            results = assess(client, folder)
            marks = " ".join(f"{name}:{'FAIL' if bad else 'ok'}" for name, bad in results.items())
            print(f"{client.name:32} {marks} ({time.monotonic() - begun:.0f} s)", flush=True)
            for name, bad in results.items():
                if bad:
                    print(f"  {name}: {bad}", flush=True)


if __name__ == "__main__":
    main()
