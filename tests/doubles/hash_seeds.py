"""Programs run in processes whose sets and hashes of texts have different orders."""

from __future__ import annotations

import os
import subprocess
import sys


def outputs(*arguments: str, seeds: str = "123") -> set[str]:
    """Run Python with these arguments under each hash seed; return the different outputs."""
    return {
        subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in seeds
    }
