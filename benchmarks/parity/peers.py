"""DSPy's optimizers on a task, each with its documented defaults, its calls counted at the server.

Runs in an environment with ``dspy==3.4.1 gepa optuna``, which need not have this package. All get
the labelled examples: MIPROv2 splits them itself (20/80), GEPA gets them in halves (its
documentation asks for a ``valset``), COPRO and BootstrapFewShotWithRandomSearch score on what they
are trained on, as they do without being told otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partialmethod
from types import SimpleNamespace
from typing import Any

import dspy
import tqdm

from parity.client import Client
from parity.results import Result
from parity.stage import staged
from parity.world import World

tqdm.tqdm.__init__ = partialmethod(tqdm.tqdm.__init__, disable=True)  # DSPy turns its bars on

_serialized = dspy.adapters.utils.serialize_for_json
# a text is itself: DSPy makes a pydantic adapter of its type for every field of every demo
dspy.adapters.utils.serialize_for_json = lambda value: (
    value if type(value) is str else _serialized(value)
)

Compiled = tuple[Any, float]
"""An optimized program, and the score its optimizer gives it in [0, 1]."""


class LightLM(dspy.BaseLM):  # type: ignore[misc]  # dspy has no types
    """A model over HTTP with nothing in between: no cache, no litellm."""

    def __init__(self, client: Client) -> None:
        super().__init__(model="simulated", temperature=0.0, max_tokens=1000, cache=False)
        self._client = client

    def forward(self, prompt: str | None = None, messages: Any = None, **kwargs: Any) -> Any:
        """One call, answered in OpenAI's form."""
        asked = messages or [{"role": "user", "content": prompt}]
        answer = self._client.chat(asked, n=kwargs.get("n") or 1)
        choices = [
            SimpleNamespace(
                message=SimpleNamespace(content=choice["message"]["content"], tool_calls=None),
                finish_reason="stop",
            )
            for choice in answer["choices"]
        ]
        return SimpleNamespace(choices=choices, usage=answer["usage"], model="simulated")


class Plain(dspy.ChatAdapter):  # type: ignore[misc]  # dspy has no types
    """For the packaged model, which can't fill in DSPy's forms: its whole text is every field.

    The task's own calls are worded as our prompts are.
    """

    def format(self, signature: Any, demos: Any, inputs: Any) -> Any:
        """Instruction, demos as turns, question."""
        if list(signature.output_fields) != ["code"]:
            return super().format(signature, demos, inputs)
        turns = [{"role": "system", "content": signature.instructions}]
        for demo in demos:
            turns.append({"role": "user", "content": demo["ticket"]})
            turns.append({"role": "assistant", "content": demo["code"]})
        return [*turns, {"role": "user", "content": inputs["ticket"]}]

    def parse(self, signature: Any, completion: str) -> Any:
        """What DSPy finds, if it finds all fields."""
        try:
            return super().parse(signature, completion)
        except dspy.utils.exceptions.AdapterParseError:
            return dict.fromkeys(signature.output_fields, completion.strip())


class OneStep(dspy.Module):  # type: ignore[misc]  # dspy has no types
    """The ticket's code at once."""

    def __init__(self, roles: tuple[str, ...]) -> None:
        super().__init__()
        self.code = dspy.Predict(dspy.Signature("ticket -> code", roles[0]))

    def forward(self, ticket: str) -> Any:
        """One call."""
        return self.code(ticket=ticket)


class TwoSteps(dspy.Module):  # type: ignore[misc]  # dspy has no types
    """First a note, then the code."""

    def __init__(self, roles: tuple[str, ...]) -> None:
        super().__init__()
        self.note = dspy.Predict(dspy.Signature("ticket -> note", roles[0]))
        self.code = dspy.Predict(dspy.Signature("note -> code", roles[1]))

    def forward(self, ticket: str) -> Any:
        """Two calls."""
        return self.code(note=self.note(ticket=ticket).note)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What an optimizer is given."""

    program: Any
    examples: list[Any]
    world: World
    lm: LightLM
    seed: int

    def metric(self, gold: Any, pred: Any, *_: Any) -> float:
        """The score of a prediction."""
        return self.world.score(gold.item, pred.code or "")

    def with_feedback(
        self, gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None
    ) -> Any:  # GEPA asks for these names
        """The score, and the words about it that every method gets."""
        del trace, pred_name, pred_trace
        feedback = self.world.feedback(gold.item, pred.code or "")
        return dspy.Prediction(score=self.metric(gold, pred), feedback=feedback)


def run_peer(name: str, task: str, seed: int) -> Result:
    """Optimize with one peer; the program's true score is read off at the server."""
    started = time.perf_counter()
    with staged(task, seed).running() as server:
        world = server.world
        lm = LightLM(Client(server.port))
        adapter = Plain() if world.task.real else dspy.ChatAdapter()
        dspy.settings.configure(lm=lm, adapter=adapter, track_usage=False, disable_history=True)
        dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
        roles = world.task.roles
        program = OneStep(roles) if world.task.steps == 1 else TwoSteps(roles)
        examples = [
            dspy.Example(
                ticket=world.question(item), item=item, code=world.right(item)
            ).with_inputs("ticket")
            for item in world.items
        ]
        problem = Problem(program=program, examples=examples, world=world, lm=lm, seed=seed)
        best, reported = PEERS[name](problem)
        counts = server.counts
        calls, proposer_calls, tried = counts.calls, counts.proposer_calls, tuple(counts.best)
        base, before = server.worth(lambda item: _code(program, world, item))
        true, after = server.worth(lambda item: _code(best, world, item))
    return Result(
        method=name,
        task=task,
        seed=seed,
        base=base,
        true=true,
        adopted=before != after,
        reported=reported,
        calls=calls,
        proposer_calls=proposer_calls,
        best=tried,
        seconds=round(time.perf_counter() - started, 2),
    )


def _code(program: Any, world: World, item: int) -> str:
    return program(ticket=world.question(item)).code or ""


def _random_search(given: Problem) -> Compiled:
    optimizer = dspy.BootstrapFewShotWithRandomSearch(metric=given.metric, num_threads=1)
    best = optimizer.compile(given.program, trainset=given.examples)
    return best, max(candidate["score"] for candidate in best.candidate_programs) / 100


def _mipro(given: Problem) -> Compiled:
    optimizer = dspy.MIPROv2(metric=given.metric, auto="light", num_threads=1, seed=given.seed + 1)
    best = optimizer.compile(given.program, trainset=given.examples)
    return best, best.score / 100


def _copro(given: Problem) -> Compiled:
    optimizer = dspy.COPRO(metric=given.metric, prompt_model=given.lm)
    quiet = {"num_threads": 1, "display_progress": False, "display_table": 0}
    best = optimizer.compile(given.program, trainset=given.examples, eval_kwargs=quiet)
    return best, max(candidate["score"] for candidate in best.candidate_programs) / 100


def _gepa(given: Problem) -> Compiled:
    half = len(given.examples) // 2
    optimizer = dspy.GEPA(
        metric=given.with_feedback, auto="light", reflection_lm=given.lm, num_threads=1,
        track_stats=True, seed=given.seed,
    )  # fmt: skip
    best = optimizer.compile(
        given.program, trainset=given.examples[:half], valset=given.examples[half:]
    )
    return best, max(best.detailed_results.val_aggregate_scores)


PEERS: dict[str, Callable[[Problem], Compiled]] = {
    "BootstrapFewShotWithRandomSearch": _random_search,
    "MIPROv2": _mipro,
    "GEPA": _gepa,
    "COPRO": _copro,
}
