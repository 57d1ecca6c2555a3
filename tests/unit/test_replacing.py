"""Stand-ins for class attributes: in place while suites run, and nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pytest_lmopt.lm.replacing import Replacement
from pytest_lmopt.lm.threads import carrying


def louder(original: Callable[..., Any]) -> Callable[..., Any]:
    """Add a mark to what is said."""
    return lambda speaker: f"{original(speaker)}!"


def speaker() -> tuple[type, Any, Replacement]:
    """A class with a function, that function, and what stands in for it."""

    class Speaker:
        """Says a word."""

        def say(self) -> str:
            """The word."""
            return "word"

    return Speaker, Speaker.say, Replacement(Speaker, "say", louder)


def test_it_stands_in_until_the_last_use_ends() -> None:
    """Nested uses count as one; afterwards the function itself is back."""
    kind, say, replacement = speaker()
    with replacement.in_place():
        with replacement.in_place():
            assert kind().say() == "word!"
        assert kind().say() == "word!"
        assert (kind.say.__name__, kind.say.__doc__) == ("say", "The word.")  # type: ignore[attr-defined]
    assert vars(kind)["say"] is say


def test_it_passes_through_below_what_others_have_put_on_top() -> None:
    """It can't be taken out from there; the next use stands on top again, once."""
    kind, _, replacement = speaker()
    with replacement.in_place():
        ours = vars(kind)["say"]
        kind.say = theirs = lambda speaker: f"<{ours(speaker)}>"  # type: ignore[attr-defined]
        assert kind().say() == "<word!>"
    assert vars(kind)["say"] is theirs
    assert kind().say() == "<word>"
    with replacement.in_place():
        assert kind().say() == "<word>!"
    assert vars(kind)["say"] is theirs


def test_it_goes_once_others_have_taken_out_theirs() -> None:
    """Left behind by their doing, it does nothing until then."""
    kind, say, replacement = speaker()
    with replacement.in_place():
        ours = vars(kind)["say"]
        kind.say = lambda _: "theirs"  # type: ignore[attr-defined]
    kind.say = ours  # type: ignore[attr-defined]  # what they found
    assert kind().say() == "word"
    with replacement.in_place():
        assert kind().say() == "word!"
    assert vars(kind)["say"] is say


def test_threads_are_the_librarys_own_afterwards() -> None:
    """And a thread started meanwhile has its own ``run`` again."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    with carrying():
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == (start, submit)
    assert "run" not in vars(thread)
