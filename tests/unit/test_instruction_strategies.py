"""``opro``, ``coordinate`` and ``mipro``: what they find, what they ask, what they survive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.simulated_proposer import ADVERBS, MODEL, SimulatedProposer, beside

from pytest_lmopt import Budget, Example, Prompt, metrics
from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import RefusedError
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.seam import FunctionLM
from pytest_lmopt.lm.stack import suite_lm
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.strategies.bench import Proposer
from pytest_lmopt.strategies.coordinate import Coordinate
from pytest_lmopt.strategies.mipro import Mipro
from pytest_lmopt.strategies.opro import Opro
from pytest_lmopt.strategies.proposing.rewriting import next_turn, tried
from pytest_lmopt.strategies.protocol import History, Proposal, Settings, Strategy, Trial
from pytest_lmopt.strategies.search import SearchOutcome, search
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.suite import Pipeline, Suite
from pytest_lmopt.testing.simulated_model import SimulatedModel
from pytest_lmopt.wire import Request

STRATEGIES: list[Callable[..., Strategy]] = [Opro, Coordinate, Mipro]
ALL = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda made: made.__name__.lower())

shout = Prompt(name="shout", instruction="SHOUT it", inputs=["word"], output="loud")
mirror = Prompt(name="mirror", instruction="MIRROR it", inputs=["loud"], output="back")
tagged = Prompt(
    name="shout-tagged",
    instruction="SHOUT it",
    inputs=["word", "tone"],
    outputs=["loud", "tag"],
    format="lines",
    template="{{ word }} ({{ tone }})",
)


async def one_step(example: Example) -> str:
    """Shouts."""
    return (await shout.acall(word=example.inputs["word"])).text


async def two_steps(example: Example) -> str:
    """Shouts, then mirrors."""
    return (await mirror.acall(loud=await one_step(example))).text


async def several_calls(example: Example) -> str:
    """One prompt with a template and two outputs, called twice a run."""
    first, second = [
        await tagged.acall(word=example.inputs["word"], tone=tone) for tone in ("low", "high")
    ]
    return str(first.loud) if first.tag == second.tag else "?"


def searched(
    strategy: Strategy,
    answer: Callable[[Request], str],
    pipeline: Pipeline = one_step,
    *,
    calls: int | None = None,
    source: str = "",
) -> tuple[SearchOutcome, list[Request]]:
    """A search on 60 words; with what the proposer was asked, in no particular order."""
    asked: list[Request] = []

    def noted(request: Request) -> str:
        if request.model == MODEL:
            asked.append(request)
        return answer(request)

    order = -1 if pipeline is two_steps else 1
    rows = [
        {"id": f"w{n}", "inputs": {"word": f"word{n}"}, "expected": f"WORD{n}"[::order]}
        for n in range(60)
    ]
    suite = Suite(
        name="words",
        pipeline=pipeline,
        dataset=load_dataset(rows, beside=Path()),
        metric=metrics.exact_match,
        source=source,
    )
    ledger = Ledger([Account(Budget(calls=calls), owner="the test")])
    lm = suite_lm(FunctionLM(noted), ledger=ledger, store=None, mode="off")

    async def run() -> SearchOutcome:
        with InProcessExecutor(lm=lm, model="simulated", concurrency=8) as executor:
            evaluator = Evaluator(suite, LocalRunner(suite, executor))
            proposer = Proposer(lm=lm, model=MODEL)
            return await search(strategy, evaluator, ledger, seed=0, proposer=proposer)

    return asyncio.run(run()), asked


def simulated(
    model: SimulatedModel, *, adverbs: tuple[str, ...] = ADVERBS
) -> Callable[[Request], str]:
    """The model as a function of the request, beside a proposer."""
    proposer = SimulatedProposer(adverbs=adverbs)
    return beside(proposer, lambda request: model.answer(request.messages))


def questions(asked: Sequence[Request]) -> list[str]:
    """Each question once, in the order of asking."""
    return list(dict.fromkeys(request.messages[0].content for request in asked))


def test_opro_finds_the_instruction_that_is_rewarded() -> None:
    """In 4 rounds of 8, by at most as many answers."""
    outcome, asked = searched(
        Opro(Settings(seed=0)), simulated(SimulatedModel(base=0.4, bonus=0.5))
    )
    assert outcome.accepted
    assert outcome.winner is not None
    assert "carefully" in outcome.winner.proposal.candidate.states["shout"].instruction
    assert len(asked) == 32
    assert {trial.proposal.candidate.name[:6] for trial in outcome.trials} == {
        f"opro-{turn}" for turn in (1, 2, 3, 4)
    }


def test_opro_writes_an_instruction_for_every_prompt() -> None:
    """In one answer; each question shows what there is to know, the best last."""
    source = "def pipeline(): ..."
    model = SimulatedModel(base=0.5, bonus=0.4)
    outcome, asked = searched(
        Opro(Settings(seed=0), rounds=2, proposals=4), simulated(model), two_steps, source=source
    )
    assert outcome.trials
    for trial in outcome.trials:
        states = trial.proposal.candidate.states
        assert states["shout"].instruction.startswith("SHOUT it ")
        assert states["mirror"].instruction.startswith("MIRROR it ")
    _, second = questions(asked)
    assert source in second
    assert "ExactMatch" in second
    assert "## mirror (step 2 of 2, called once a run)" in second
    scores = [int(line.split()[1]) for line in second.splitlines() if line.startswith("score: ")]
    assert len(scores) == 5
    assert scores == sorted(scores)


def test_coordinate_improves_the_step_that_can_be_improved() -> None:
    """Each proposal changes one prompt of the best so far; the other step stays as it was."""
    strong, weak = SimulatedModel(base=1.0), SimulatedModel(base=0.4, bonus=0.6)

    def model(request: Request) -> str:
        asked_for = request.messages[0].content
        return (weak if "MIRROR" in asked_for else strong).answer(request.messages)

    outcome, asked = searched(
        Coordinate(Settings(seed=0)), beside(SimulatedProposer(), model), two_steps
    )
    assert outcome.accepted
    assert outcome.winner is not None
    winner = outcome.winner.proposal.candidate.states
    assert "carefully" in winner["mirror"].instruction
    assert winner["shout"].instruction == "SHOUT it"
    for question in questions(asked):
        assert question.count("...</instruction>") == 1


def test_coordinate_keeps_what_it_has_found() -> None:
    """What one step's turn brought is there in the other's."""
    outcome, _ = searched(
        Coordinate(Settings(seed=1)), simulated(SimulatedModel(base=0.5, bonus=0.5)), two_steps
    )
    assert outcome.winner is not None
    states = outcome.winner.proposal.candidate.states
    assert all("carefully" in states[name].instruction for name in ("shout", "mirror"))


def test_mipro_combines_instruction_and_demos() -> None:
    """Where both help, the winner has both; where it failed is told, and later what helped."""
    model = SimulatedModel(base=0.2, per_demo=0.05, bonus=0.3)
    outcome, asked = searched(Mipro(Settings(seed=0)), simulated(model, adverbs=ADVERBS[:3]))
    assert outcome.accepted
    assert outcome.winner is not None
    state = outcome.winner.proposal.candidate.states["shout"]
    assert "carefully" in state.instruction
    assert state.demos
    assert len(asked) == 6 + 3 * 2
    first, last = questions(asked)[0], questions(asked)[-1]
    assert "Final answer: no idea" in first
    assert "Gain: " not in first
    assert "Gain: +" in last


def test_mipro_tries_every_instruction_and_demo_set_in_its_first_round() -> None:
    """The incumbent's instruction, and no demos, among them."""
    outcome, _ = searched(Mipro(Settings(seed=0), rounds=1), simulated(SimulatedModel(base=0.5)))
    states = [trial.proposal.candidate.states["shout"] for trial in outcome.trials]
    assert len(states) == 8
    assert len({state.instruction for state in states}) == 7
    assert "SHOUT it" in {state.instruction for state in states}
    assert len({str(state.demos) for state in states}) == 7
    assert () in {state.demos for state in states if not state.demos}


@ALL
def test_prompts_with_template_and_several_outputs_called_often(
    strategy: Callable[..., Strategy],
) -> None:
    """They keep template, fields and format, whatever instruction they get."""
    plain = SimulatedModel(base=0.4, bonus=0.5, per_demo=0.1)

    def model(request: Request) -> str:
        words = [(m.role, m.content.split(" (")[0].split("\n")[0]) for m in request.messages]
        chat = [(role, text.removeprefix("loud: ")) for role, text in words]
        return f"loud: {plain.answer(chat)}\ntag: yes"

    outcome, _ = searched(
        strategy(Settings(seed=0)), beside(SimulatedProposer(), model), several_calls
    )
    assert outcome.accepted
    for trial in outcome.trials:
        state = trial.proposal.candidate.states["shout-tagged"]
        assert (state.template, state.outputs) == (tagged.state.template, ("loud", "tag"))


@ALL
@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "I'd rather not.",
        '<instruction prompt="shout">...</instruction>',
        f'<instruction prompt="shout">{"loud " * 5_000}</instruction>',
        '<instruction prompt="shout">SHOUT it</instruction>',
    ],
    ids=["none", "empty", "words", "echo", "too long", "the incumbent"],
)
def test_a_proposer_of_no_use_ends_the_search_in_order(
    strategy: Callable[..., Strategy], said: str | None
) -> None:
    """After one more try, unless none answered; ``mipro`` goes on with demos alone."""
    model = SimulatedModel(base=0.4, per_demo=0.15)

    def answer(request: Request) -> str:
        if request.model != MODEL:
            return model.answer(request.messages)
        if said is None:
            raise RefusedError("no", request=request)
        return said

    outcome, asked = searched(strategy(Settings(seed=0)), answer)
    instructions = {t.proposal.candidate.states["shout"].instruction for t in outcome.trials}
    if strategy is Mipro:
        assert instructions == {"SHOUT it"}
        assert outcome.accepted
    else:
        assert not instructions
        turns, draws = (1, 8) if strategy is Opro else (3, 6)
        assert len(asked) == turns * draws * (1 if said is None else 2)


@ALL
def test_one_and_the_same_answer_is_one_proposal(strategy: Callable[..., Strategy]) -> None:
    """However often it is drawn."""
    model = SimulatedModel(base=0.4)
    said = '<instruction prompt="shout">SHOUT it now</instruction>'
    outcome, _ = searched(
        strategy(Settings(seed=0)),
        lambda request: said if request.model == MODEL else model.answer(request.messages),
    )
    states = [trial.proposal.candidate.states["shout"] for trial in outcome.trials]
    assert {state.instruction for state in states} <= {"SHOUT it", "SHOUT it now"}
    assert len({state.digest for state in states}) == len(states)
    assert "SHOUT it now" in {state.instruction for state in states}


def test_where_nothing_new_came_other_answers_are_drawn() -> None:
    """Once; they are enough to go on."""
    proposer = SimulatedProposer()

    def late(request: Request) -> str:
        late_enough = request.repeat % 8 >= 4
        return proposer.answer(request.messages[0].content, request.repeat) if late_enough else "?"

    model = SimulatedModel(base=0.4, bonus=0.5)
    outcome, asked = searched(
        Opro(Settings(seed=0), rounds=2, proposals=4),
        lambda request: late(request) if request.model == MODEL else model.answer(request.messages),
    )
    assert len(outcome.trials) == 8
    assert len(asked) == 16


@ALL
def test_the_proposers_calls_count(strategy: Callable[..., Strategy]) -> None:
    """In the budget, like all others, and no question is asked twice."""
    outcome, asked = searched(
        strategy(Settings(seed=0)), simulated(SimulatedModel(base=0.4, bonus=0.5)), calls=300
    )
    assert outcome.trials
    assert asked
    assert len({request.key for request in asked}) == len(asked)


@ALL
def test_a_strategy_tells_its_options(strategy: Callable[..., Strategy]) -> None:
    """The journal knows by them whether a search can be continued."""
    assert repr(strategy(Settings(seed=3))) == repr(strategy(Settings(seed=3)))
    assert repr(strategy(Settings(seed=3))) != repr(strategy(Settings(seed=3), rounds=1))
    assert "object at" not in repr(strategy(Settings(seed=3)))


def test_old_instructions_come_by_what_they_are_worth() -> None:
    """A gain on few examples counts for less; what did worst is left out where there is no room."""

    def trial(instruction: str, difference: float, n: int) -> Trial:
        state = replace(shout.state, instruction=instruction)
        candidate = Candidate(name="opro-1-1", states={"shout": state})
        return Trial(
            proposal=Proposal(candidate=candidate, reason=""),
            evaluation=nothing,
            difference=difference,
            low=-1.0,
            high=1.0,
            n=n,
        )

    own = Candidate(name="incumbent", states={"shout": shout.state})
    nothing = Evaluation(candidate=own, outcomes=(), read=lambda _: iter(()))
    trials = (
        trial("b" * 9_000, 0.42, 40),
        trial("a" * 9_000, 0.45, 16),
        trial("c" * 9_000, 0.2, 9),
    )
    history = History(candidate=own, incumbent=nothing, train=(), trials=trials)
    shown = tried(history, {"shout": "shout"}, most=20)
    assert [(old.instructions["shout"][0], old.score) for old in shown] == [("a", 30), ("b", 35)]
    assert next_turn(history) == 2
