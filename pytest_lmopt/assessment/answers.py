"""The answers an evaluation rests on, as another machine would ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_lmopt.lm.local.model import model_identity
from pytest_lmopt.lm.recordings.files import Answer
from pytest_lmopt.lm.tracing import Call
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.suites.example import Dataset
from pytest_lmopt.wire import Completion, Refusal, WholeCompletion


def answers_of(
    evaluation: Evaluation, dataset: Dataset, *, setup: tuple[Call, ...] = ()
) -> list[list[Answer]]:
    """What each run was answered, its judge's calls included, in the order of the dataset.

    The answers to calls in fixtures, ``setup``, come first, where there are any.

    A plain run asks for the first draw, so a baseline that was drawn afresh is numbered as that.
    """
    place = {example.id: number for number, example in enumerate(dataset)}
    outcomes = sorted(evaluation.outcomes, key=lambda each: (place[each.example], each.repeat))
    first = min((outcome.repeat for outcome in outcomes), default=0)
    before = [list(_answers(setup, drawn=0))] if setup else []
    return before + [
        [*_answers(scored.trace, drawn=first), *_answers(scored.judging, drawn=0)]
        for scored in evaluation.read(outcomes)
    ]


def _answers(calls: tuple[Call, ...], *, drawn: int) -> Iterator[Answer]:
    for call in calls:
        if call.request is not None and (call.usage.calls or call.refused):
            request = replace(
                call.request,
                model=model_identity(call.request.model),
                repeat=call.request.repeat - drawn,
            )
            answer = Completion(text=call.text, usage=call.usage)
            if call.whole is not None:
                answer = WholeCompletion(text=call.text, usage=call.usage, whole=call.whole)
            if call.refused:
                answer = Refusal(text="", usage=call.usage, problem=call.error or "")
            yield request, answer
