"""An LM as judge: a metric whose rubric is itself a prompt, and whether to trust it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_lmopt.errors import AnswerError, InputError, PromptError
from pytest_lmopt.lm.prompt import Prompt
from pytest_lmopt.metrics.score import Score
from pytest_lmopt.stats.agreement import Agreement, cohen_kappa
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.values import is_missing, number_in

_WORDS = {"yes": 1.0, "true": 1.0, "pass": 1.0, "no": 0.0, "false": 0.0, "fail": 0.0}


class Judge:
    """Scores predictions with a model.

    ``rubric`` is a prompt or its file. Its inputs are taken by name: ``prediction``, ``expected``,
    and any of the example's own inputs. Its output ``score`` is a number on ``scale``, mapped to
    [0, 1], or yes/no; an output ``feedback`` is passed on. The judge's calls are metered and
    recorded like the pipeline's; an answer it fails to give leaves the example missing. Without a
    prediction there is nothing to judge: the score is 0, and no model is asked.

    Raises ``PromptError`` for a rubric without the output ``score``, ``InputError`` for a scale
    that does not rise.
    """

    def __init__(
        self, rubric: Prompt | str | Path, *, scale: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        self.rubric = rubric if isinstance(rubric, Prompt) else Prompt.load(rubric)
        if "score" not in self.rubric.state.outputs:
            found = list(self.rubric.state.outputs)
            raise PromptError(
                f"a judge's rubric needs an output 'score', found {found}",
                path=self.rubric.path or self.rubric.name,
                field="outputs",
            )
        if not scale[0] < scale[1]:
            raise InputError(f"Judge(scale={scale!r}): (lowest, highest) expected, such as (1, 5)")
        self.scale = scale

    def __repr__(self) -> str:
        return self.lmopt_identity

    @property
    def lmopt_identity(self) -> str:
        """What a judge's scores depend on: the rubric's content, and the scale."""
        return f"Judge({self.rubric.name!r}, {self.rubric.state.digest}, scale={self.scale})"

    async def __call__(self, example: Example, prediction: Any) -> Score:
        """Ask the model about one prediction.

        Raises ``ValueError`` where the rubric takes the expected value and there is none.
        """
        known = {**example.inputs, "expected": example.expected, "prediction": prediction}
        wanted = {name: known[name] for name in self.rubric.state.inputs if name in known}
        if "expected" in wanted and is_missing(wanted["expected"]):
            raise ValueError(
                "the rubric takes an expected value, and the example has none. Give the row one, "
                "or write a rubric without it"
            )
        if "prediction" in wanted and is_missing(prediction):
            return Score(value=0.0, feedback="no answer")
        completion = await self.rubric.acall(**wanted)
        value = self._value(str(completion.score), completion.text)
        return Score(value=value, feedback=str(completion.fields.get("feedback", "")))

    def agreement(
        self, labelled: Iterable[tuple[Example, Any, bool]], *, passing: float = 0.5
    ) -> Agreement:
        """Agreement with people beyond chance: Cohen's κ with a 95 % interval.

        ``labelled`` are an example, a prediction for it, and whether a person let it pass; the
        judge does from a score of ``passing``. Calls the model as production code does.
        """
        rows = list(labelled)

        async def judge_all() -> list[Score]:
            return await asyncio.gather(*(self(example, given) for example, given, _ in rows))

        judged = [score.value >= passing for score in asyncio.run(judge_all())]
        return cohen_kappa(judged, [bool(human) for _, _, human in rows])

    def _value(self, said: str, text: str) -> float:
        word = said.strip().strip(".").casefold()
        if word in _WORDS:
            return _WORDS[word]
        number = number_in(said)
        low, high = self.scale
        if number is None or not low <= number <= high:
            raise AnswerError(f"the judge gave no score from {low:g} to {high:g}", text=text)
        return (float(number) - low) / (high - low)
