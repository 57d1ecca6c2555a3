"""Customers' messages: the day each is about. Two LM steps, with ordinary Python between them."""

from __future__ import annotations

from pathlib import Path

from pytest_lmopt import Prompt

PROMPTS = Path(__file__).parent / "prompts"
find_phrase = Prompt.load(PROMPTS / "find_phrase.yaml")
normalise = Prompt.load(PROMPTS / "normalise.yaml")


def day_of(message: str) -> str:
    """The day a message mentions, as YYYY-MM-DD."""
    phrase = _first_line(find_phrase(message=message).text).rstrip(".")
    return _first_line(normalise(phrase=phrase).text)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()
