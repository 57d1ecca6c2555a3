"""Rounds: what comes first over all of them, and that it has met all of dev."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_lmopt import Budget
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.progress import Tracker
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import StrategyError
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.strategies.baseline import Baseline
from pytest_lmopt.strategies.bootstrap import Bootstrap
from pytest_lmopt.strategies.confirming import Rule
from pytest_lmopt.strategies.journal import Journal
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings, Strategy, Trial
from pytest_lmopt.strategies.search import search
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.splits import seeded_order
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.testing.searches import searched, simulated, words
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.wire import Request

SUITE = words(200, "one step")
DEV = [example.inputs["word"] for example in seeded_order(SUITE.splits.dev, seed=0)]
SURE = SimulatedModel(base=0.3, bonus=0.7)
RIGHT = {"lucky": set(DEV[:16]), "steady": {*DEV[:10], *DEV[16:]}}


@dataclass(frozen=True)
class _Texts:
    """Proposes instructions, so many lists of them one after the other."""

    rounds: tuple[tuple[str, ...], ...]

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """The next list."""
        del bench
        raced = {trial.proposal.candidate.name for trial in history.trials}
        for texts in self.rounds:
            if not raced.issuperset(texts):
                return [_proposal(text, history.candidate) for text in texts]
        return ()


def _proposal(text: str, before: Candidate) -> Proposal:
    states = {key: replace(state, instruction=text) for key, state in before.states.items()}
    return Proposal(candidate=Candidate(name=text, states=states), reason="")


def _lucky_or_steady(request: Request) -> str:
    first, word = request.messages[0].content.split()[0], request.messages[-1].content
    return word.upper() if word in RIGHT.get(first, ()) else word


def _searched(
    strategy: Strategy,
    suite: Suite,
    answer: Callable[[Request], str],
    *,
    calls: int | None = None,
    tracker: Tracker | None = None,
    journal: Journal | None = None,
) -> Sequence[Trial]:
    ledger = Ledger([Account(Budget(calls=calls), owner="the test")])
    lm = suite_lm(FunctionLM(answer), ledger=ledger, store=None, mode="off")

    async def run() -> Sequence[Trial]:
        with InProcessExecutor(lm=lm, model="simulated") as executor:
            runner = LocalRunner(suite, executor)
            evaluator = Evaluator(suite, runner, tracker=tracker or Tracker("words"))
            return (await search(strategy, evaluator, ledger, seed=0, journal=journal)).trials

    return asyncio.run(run())


def _trials(
    *rounds: tuple[str, ...],
    suite: Suite = SUITE,
    answer: Callable[[Request], str] = _lucky_or_steady,
    calls: int | None = None,
    tracker: Tracker | None = None,
) -> list[tuple[str, int]]:
    """Names of what was raced, best first, and how many dev examples each has met."""
    found = _searched(_Texts(rounds), suite, answer, calls=calls, tracker=tracker)
    return [(trial.proposal.candidate.name, trial.n) for trial in found]


def test_one_dropped_early_comes_first_once_the_others_have_done_worse() -> None:
    """And then meets the examples it has missed."""
    assert _trials(("lucky", "steady")) == [("steady", len(DEV)), ("lucky", len(DEV))]


def test_it_stays_with_what_it_has_met_where_the_rest_can_not_be_paid() -> None:
    """The confirmation is never short of calls for it."""
    both = len(DEV) + len(SUITE.splits.holdout)
    judging = 2 * both + len(SUITE.splits.holdout)  # the incumbent, the winner, its baseline
    raced = _trials(("lucky", "steady"), calls=judging + 16 + len(DEV))
    assert raced == [("steady", 16), ("lucky", len(DEV))]


def _right_on(**right: set[str]) -> Callable[[Request], str]:
    """Answers that are right on these words, by the first word of the instruction."""

    def answer(request: Request) -> str:
        first, word = request.messages[0].content.split()[0], request.messages[-1].content
        return word.upper() if word in right.get(first, ()) else word

    return answer


def test_a_candidate_right_on_all_of_dev_ends_the_search() -> None:
    """Nothing can be better there; being right on the first rung only is not enough."""
    answer = _right_on(lucky=set(DEV[:16]), perfect=set(DEV))
    raced = _trials(("lucky",), ("perfect",), ("later",), answer=answer)
    assert raced == [("perfect", len(DEV)), ("lucky", len(DEV))]


def test_the_calls_of_further_rounds_are_not_spent() -> None:
    """And the report says why the search ended."""
    answer = _right_on(perfect=set(DEV))
    ended = [_trials(("perfect",), *more, answer=answer) for more in ((), (("a", "b"), ("c",)))]
    assert ended[0] == ended[1]
    found = searched(_Texts((("SHOUT carefully",), ("SHOUT",))), simulated(SURE), examples=100)
    assert [trial.proposal.candidate.name for trial in found.outcome.trials] == ["SHOUT carefully"]
    assert re.search(
        r"nothing more was proposed once SHOUT carefully was right on all \d+ dev examples",
        found.outcome.note,
    )


def test_a_cheaper_one_that_was_dropped_as_an_equal_has_its_chance_in_the_end() -> None:
    """It meets the rest of dev, and is taken if it stays equal."""
    most = set(DEV) - set(DEV[20::12])
    words = {"quick": most, "cheap": set(DEV), "costly": set(DEV)}
    long = "costly " + "and many more words " * 20
    rounds = (("quick", "cheap and a few more"), (long,))
    raced = _trials(*rounds, answer=_right_on(**words))
    assert raced[0] == ("cheap and a few more", len(DEV))
    words["cheap"] = set(DEV[:16])
    raced = _trials(*rounds, answer=_right_on(**words))
    assert raced[0] == (long, len(DEV))
    assert ("cheap and a few more", len(DEV)) in raced


@pytest.mark.parametrize(
    ("calls", "rule", "left", "kept"),
    [
        (100, None, 0, ""),
        (115, None, 15, ""),
        (124, None, 15, ""),
        (116, Rule(prefer="shorter", margin=0.2), 11, " or is kept for shortening"),
    ],
)
def test_where_no_race_can_be_paid_for_it_is_told_what_was_left_for_one(
    calls: int, rule: Rule | None, left: int, kept: str
) -> None:
    """When it came to that: holdout's runs, which follow, are counted once."""
    answer = simulated(SimulatedModel(base=0.6))
    found = searched(Bootstrap(Settings(seed=0)), answer, calls=calls, examples=60, rule=rule)
    both, holdout = len(found.suite.splits.judged), len(found.suite.splits.holdout)
    assert found.outcome.note.startswith(
        f"no candidate was raced: of the {calls} calls granted, {holdout + both + holdout} are set "
        f"aside for judging; with what was spent before{kept}, that leaves {left} of the 16 runs "
        "that a race takes at least; a budget of "
    )
    enough = re.search(r"a budget of (\d+) calls leaves enough for one$", found.outcome.note)
    assert enough is not None
    again = searched(
        Bootstrap(Settings(seed=0)), answer, calls=int(enough[1]), examples=60, rule=rule
    )
    assert again.outcome.trials


def test_a_strategy_that_proposes_nothing_is_not_put_down_to_the_budget() -> None:
    """Which was enough for a race."""
    answer = simulated(SimulatedModel(base=0.6))
    found = searched(Baseline(Settings()), answer, calls=130, examples=60)
    assert found.outcome.note == "no candidate was raced"


def test_a_later_round_that_finds_nothing_better_does_not_take_the_lead() -> None:
    """Progress goes on showing the candidate that will be confirmed."""
    model, tracker = SimulatedModel(base=0.3, bonus=0.5), Tracker("words")
    raced = _trials(
        ("SHOUT it, carefully",),
        ("Please",),
        suite=words(100, "one step"),
        answer=lambda request: model.answer(request.messages),
        tracker=tracker,
    )
    assert [name for name, _ in raced] == ["SHOUT it, carefully", "Please"]
    best = tracker.now().best
    assert best is not None
    assert best.name == "SHOUT it, carefully"


@dataclass(frozen=True)
class _Mistaken:
    """Proposes what it is given, or what that makes of the incumbent."""

    found: object

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """No proposals."""
        del bench
        return self.found(history.candidate) if callable(self.found) else self.found  # type: ignore[return-value]


def _changed(before: Candidate, **what: object) -> list[Proposal]:
    states = {key: replace(state, **what) for key, state in before.states.items()}  # type: ignore[arg-type]
    return [Proposal(candidate=Candidate(name="odd", states=states), reason="")]


def _stated(states: object) -> list[Proposal]:
    return [Proposal(candidate=Candidate(name="odd", states=states), reason="")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "proposed None; a list of Proposals expected, empty once it is finished"),
        ("ab", "proposed 'a'; a Proposal expected"),
        (lambda before: [before], r"proposed Candidate\(.*\.\.\.; a Proposal expected"),
        (
            [Proposal(candidate=None, reason="")],  # type: ignore[arg-type]
            "proposed the candidate None; a Candidate expected",
        ),
        (
            [Proposal(candidate=Candidate(name=None, states={}), reason="")],  # type: ignore[arg-type]
            "proposed a candidate with the name None; a text expected",
        ),
        (
            lambda before: [Proposal(candidate=before, reason=7)],  # type: ignore[arg-type]
            "proposed 'incumbent' with the reason 7; a text expected",
        ),
        (_stated(None), "proposed 'odd' with the states None; a mapping expected"),
        (
            _stated({"shout": "SHOUT"}),
            "proposed 'odd' with 'SHOUT' for 'shout'; a PromptState expected",
        ),
        (
            lambda before: _changed(before, inputs=("term",)),
            r"proposed 'odd' with the inputs \['term'\] for 'shout', but the pipeline calls that "
            r"prompt with \['word'\]; leave them as they are",
        ),
        (
            lambda before: _changed(before, demos=({"word": "a"},)),
            r"failed: PromptError: field 'demos': demo 1 lacks 'loud'; the fields are",
        ),
        ((1 / number for number in [0]), "failed: ZeroDivisionError: division by zero"),
    ],
)
def test_what_can_not_be_tried_is_told_as_the_strategys_mistake(
    found: object, message: str
) -> None:
    """With what it proposed and what was expected."""
    answer = simulated(SimulatedModel(base=0.6))
    with pytest.raises(StrategyError, match=f"^the strategy _Mistaken {message}"):
        _searched(_Mistaken(found), words(60, "one step"), answer)


class _Plain:
    """A strategy whose repr has its address, like that of any class without one of its own."""

    killed = False

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """Nothing, unless it is killed before."""
        del history, bench
        if self.killed:
            raise KeyboardInterrupt
        return ()


def test_a_search_by_any_class_of_strategy_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the strategy lay in memory is nothing that changed."""
    suite, answer = words(60, "one step"), simulated(SimulatedModel(base=0.6))
    first, second = (Journal(tmp_path / "journal.jsonl") for _ in range(2))
    monkeypatch.setattr(_Plain, "killed", True)
    with pytest.raises(KeyboardInterrupt):
        _searched(_Plain(), suite, answer, journal=first)
    monkeypatch.setattr(_Plain, "killed", False)
    _searched(_Plain(), suite, answer, journal=second)
    assert second.note.startswith("continued a search that was killed")
