"""The user's own LM is held to what budgets, retries and recordings rely on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_lmopt import Completion, FunctionLM, Message, Request, Usage
from pytest_lmopt.errors import LmoptError, ModelError, RefusedError, TransientError
from pytest_lmopt.lm.offered import Offered, check_lm

ASKED = Request(model="mine", messages=(Message("user", "Well?"),))


def ask(answer: Any) -> Completion:
    """What the wrappers receive where the LM does or returns this."""

    async def answered() -> Completion:
        return await Offered(answer).complete(ASKED)

    return asyncio.run(answered())


class Raising:
    """An LM that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def complete(self, request: Request) -> Completion:
        """Raise."""
        raise self._error


class Returning:
    """An LM that returns whatever it was given, without being asked to wait."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def complete(self, request: Request) -> Any:
        """Return."""
        return self._found


def test_a_function_or_a_coroutine_function_is_a_model() -> None:
    """It may return a text, or a completion with the usage that its provider reported."""

    async def later(request: Request) -> str:
        return f"{request.model}: {request.messages[0].content}"

    priced = Completion(text="well", usage=Usage(calls=1, input_tokens=7, micro_usd=3))
    assert ask(FunctionLM(lambda _: "well")).text == "well"
    assert ask(FunctionLM(later)).text == "mine: Well?"
    assert ask(FunctionLM(lambda _: priced)).usage == priced.usage
    assert ask(Returning(priced)).text == "well"


@pytest.mark.parametrize("usage", [Usage(), Usage(calls=5, replayed=5)])
def test_an_answer_is_one_call_whatever_the_model_says(usage: Usage) -> None:
    """A budget of calls would mean nothing otherwise."""
    found = ask(FunctionLM(lambda _: Completion(text="well", usage=usage))).usage
    assert (found.calls, found.replayed) == (1, 0)
    assert ask(FunctionLM(lambda _: Completion(text="well"))).usage.calls == 1


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (RefusedError("no", request=ASKED), RefusedError, "no"),
        (LmoptError("no"), LmoptError, "no"),
        (
            ConnectionResetError("gone"),
            TransientError,
            "Raising .* raised ConnectionResetError: gone",
        ),
        (TimeoutError(), TransientError, "Raising .* raised TimeoutError"),
        (ValueError("a bug"), ModelError, "raised ValueError: a bug. Return a Completion"),
    ],
)
def test_errors_are_sorted(error: Exception, kind: type[Exception], said: str) -> None:
    """Ours pass, what the network does is worth another try, a bug ends the suite."""
    with pytest.raises(LmoptError, match=said) as raised:
        ask(Raising(error))
    assert type(raised.value) is kind


@pytest.mark.parametrize("found", ["well", None, Completion(text=7)])  # type: ignore[arg-type]
def test_what_is_no_completion_is_no_answer(found: object) -> None:
    """Nothing is scored that the seam did not promise."""
    with pytest.raises(ModelError, match="a Completion with a text expected, found"):
        ask(Returning(found))


@pytest.mark.parametrize("answer", [None, 7, ["well"]])
def test_a_function_returns_a_text_or_a_completion(answer: Any) -> None:
    """One that forgets to is not scored as the word ``None``."""
    with pytest.raises(ModelError, match="a text or a Completion expected from the function"):
        ask(FunctionLM(lambda _: answer))


@pytest.mark.parametrize("found", ["gpt-4o", FunctionLM, len])
def test_what_has_no_complete_is_no_lm(found: object) -> None:
    """Said before anything is run."""
    with pytest.raises(ModelError, match="returned no LM: an object with 'async def complete"):
        check_lm(found)
    check_lm(FunctionLM(lambda _: "well"))
