"""``mipro``: instructions and demos together, chosen for each prompt by TPE.

After MIPRO (Opsahl-Ong et al. 2024, arXiv 2406.11695): a model writes instructions for each prompt,
demo sets come from the pipeline's own passing runs, and which combinations are raced is chosen in
the light of those raced before. Unlike there, further instructions are written after each race.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace

from pytest_lmopt.strategies.bootstrap import Bootstrap
from pytest_lmopt.strategies.choices import Choice, Choices, choices_of, demos_of, instruction_of
from pytest_lmopt.strategies.proposing.evidence import Step, steps
from pytest_lmopt.strategies.proposing.rewriting import gain, next_turn, turn_of
from pytest_lmopt.strategies.proposing.tips import Writer
from pytest_lmopt.strategies.protocol import Bench, History, Proposal, Settings
from pytest_lmopt.strategies.tpe import check_installed, suggest
from pytest_lmopt.suites.splits import seeded_order


@dataclass(frozen=True)
class Mipro:
    """``rounds`` of ``proposals`` each.

    For each prompt ``instructions`` are written at first, and ``further`` ones in each later
    round; ``demo_sets`` of at most ``demos`` demos are bootstrapped. The proposer is shown
    ``exemplars`` of train and as many runs on train that went wrong. Raises ``StrategyError``
    where Optuna is missing.
    """

    settings: Settings
    _: KW_ONLY
    rounds: int = 4
    proposals: int = 8
    instructions: int = 6
    further: int = 2
    demo_sets: int = 6
    demos: int = 4
    exemplars: int = 3

    def __post_init__(self) -> None:
        check_installed()

    async def propose(self, history: History, bench: Bench) -> Sequence[Proposal]:
        """The next combinations; none after the last round, or when all were tried.

        Nothing is remembered from round to round: what was run and asked before is run and asked
        again, which costs nothing.
        """
        turn = next_turn(history)
        if turn > self.rounds:
            return ()
        # those that the teacher begins with
        first = seeded_order(history.train, seed=self.settings.seed)[: 2 * self.demos]
        seen = await bench.run(history.candidate, first)
        pipeline = steps(history.candidate, seen.runs)
        writer = Writer(
            history=history,
            pipeline=pipeline,
            seen=seen,
            seed=self.settings.seed,
            exemplars=self.exemplars,
            meta_prompts=self.settings.meta_prompts,
        )
        written = [
            await writer.write(bench, number, self.further if number > 1 else self.instructions)
            for number in range(1, turn + 1)
        ]
        teacher = Bootstrap(self.settings, candidates=self.demo_sets, demos=self.demos)
        taught = await teacher.propose(replace(history, trials=()), bench)
        choices = choices_of(
            history.candidate, written, [proposal.candidate.states for proposal in taught]
        )
        known = _known(choices, history)
        chosen = suggest(
            choices.sizes,
            known,
            self._spread(choices) if turn == 1 else _latest(choices, known, written[-1]),
            count=self.proposals,
            seed=f"{self.settings.seed}/{turn}",
        )
        return [
            Proposal(
                candidate=choices.candidate(choice, name=f"mipro-{turn}-{number}"),
                reason=_reason(choice, pipeline),
            )
            for number, choice in enumerate(chosen, start=1)
        ]

    def _spread(self, choices: Choices) -> list[Choice]:
        """Combinations that show every value of every parameter at least once, if there is room.

        The incumbent's own instructions come first, and twice: where the proposer is weak, demos
        must not suffer for it.
        """
        chance = random.Random(self.settings.seed)
        columns: dict[str, list[int]] = {}
        for name, size in choices.sizes.items():
            shuffled = chance.sample(range(size), size)
            columns[name] = shuffled if name.startswith(demos_of("")) else [0, *shuffled]
        return [
            {name: values[number % len(values)] for name, values in columns.items()}
            for number in range(self.proposals)
        ]


def _known(choices: Choices, history: History) -> list[tuple[Choice, float]]:
    """The choices raced, in the order of their turns, and what they brought over the incumbent."""
    trials = sorted(history.trials, key=lambda t: (turn_of(t), t.proposal.candidate.name))
    known = [(choices.choice_of(history.candidate), 0.0)]
    known += [(choices.choice_of(trial.proposal.candidate), gain(trial)) for trial in trials]
    return [(choice, value) for choice, value in known if choice is not None]


def _latest(
    choices: Choices, known: Sequence[tuple[Choice, float]], written: Mapping[str, Sequence[str]]
) -> list[Choice]:
    """The best choice so far with each of the instructions written last."""
    best, _ = max(known, key=lambda pair: pair[1])
    return [
        {**best, instruction_of(key): choices.instructions[key].index(text)}
        for key, texts in written.items()
        for text in texts
        if text in choices.instructions[key]
    ]


def _reason(choice: Choice, pipeline: Sequence[Step]) -> str:
    parts = []
    for step in pipeline:
        instruction, demos = choice[instruction_of(step.key)], choice[demos_of(step.key)]
        words = f"instruction {instruction}" if instruction else "its own instruction"
        parts.append(f"{step.name}: {words}, demo set {demos}")
    return "; ".join(parts)
