"""Keys for clients that refuse to be made without one, where no request leaves this machine.

SDKs look for a key when a client is made, often at import. A replay, the packaged model and a
user's own LM need none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

PLACEHOLDER = "pytest-lmopt-needs-no-key"
NAMES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


@contextmanager
def standing_in() -> Iterator[None]:
    """Set a placeholder for each key that the environment lacks, until the block ends."""
    lacking = [name for name in NAMES if not os.environ.get(name)]
    os.environ.update(dict.fromkeys(lacking, PLACEHOLDER))
    try:
        yield
    finally:
        for name in lacking:
            if os.environ.get(name) == PLACEHOLDER:
                del os.environ[name]


def stood_in_for(model: str) -> list[str]:
    """List the keys of a litellm model's provider that are placeholders."""
    provider = model.partition("/")[0].upper() if "/" in model else "OPENAI"
    return [
        name for name in NAMES if name.startswith(provider) and os.environ.get(name) == PLACEHOLDER
    ]
