"""The most tokens of an image, by the providers' published rules.

OpenAI: https://platform.openai.com/docs/guides/images-vision#calculating-costs. Tiles of 512 pixels
in an image that is scaled to 2,048 × 768 at most, so at most 8 tiles; or patches, 1,536 at most.
Anthropic: https://platform.claude.com/docs/en/build-with-claude/vision.
"""

from __future__ import annotations

import re

ANTHROPIC = 4_784
"""Of a model with high resolution; others use 1,600 at most."""

_TILES = 8
_PATCHES = 1_536
_BY_TILES = (
    (r"gpt-4o-mini", 2_833, 5_667),
    (r"gpt-4o|chatgpt-4o-latest|gpt-4\.1|gpt-4\.5-preview|gpt-4-turbo", 85, 170),
    (r"o1|o1-pro|o3", 75, 150),
    (r"gpt-5|gpt-5-chat-latest", 70, 140),
)
_BY_PATCHES = (
    (r"gpt-4\.1-mini|gpt-5-mini", 1.62),
    (r"gpt-4\.1-nano|gpt-5-nano", 2.46),
    (r"o4-mini", 1.72),
)
_DATED = r"(-\d{4}-\d\d-\d\d)?"


def openai_image(model: str, detail: object) -> int | None:
    """Return the most tokens of an image in a model's input, None for a model without a rule."""
    for names, base, tile in _BY_TILES:
        if re.fullmatch(f"({names}){_DATED}", model):
            return base if detail == "low" else base + _TILES * tile
    for names, factor in _BY_PATCHES:
        if re.fullmatch(f"({names}){_DATED}", model):
            return int(_PATCHES * factor) + 1
    return None
