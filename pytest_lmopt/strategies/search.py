"""The search: ask the strategy, race what it proposes, confirm the winner once on holdout."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.canonical import digest
from pytest_lmopt.comparison.verdict import ALPHA, Comparison
from pytest_lmopt.errors import BudgetExhaustedError, StrategyError
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.strategies.bench import STRATEGY_SHARE, Proposer, TrainBench
from pytest_lmopt.strategies.confirming import Basis, Rule, choose, confirm, level
from pytest_lmopt.strategies.headroom import detectable_effect, no_headroom, nothing_changed
from pytest_lmopt.strategies.journal import Journal
from pytest_lmopt.strategies.plan import Plan
from pytest_lmopt.strategies.protocol import Strategy, Trial
from pytest_lmopt.strategies.racing import race_cost
from pytest_lmopt.strategies.rounds import Rounds
from pytest_lmopt.strategies.shortening import FIELD, Shortening
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.clusters import clusters_of, groups_of
from pytest_lmopt.suites.object_content import GIVEN, ContentError, content
from pytest_lmopt.suites.suite import Suite
from pytest_lmopt.wire import PACKAGED

PROBE = 8
"""Dev examples run first, to learn which prompts there are and how many calls a run makes."""


MOST_REASONS = 3
"""Reasons why nothing was found that a note gives."""


@dataclass(frozen=True, kw_only=True)
class SearchOutcome:
    """What a search found.

    ``incumbent`` holds the incumbent's dev and holdout runs, ``dev`` those of dev, ``prompts`` its
    prompts spelt out. ``winner`` is the trial worth a look at holdout, if any, and
    ``winner_holdout`` its holdout runs; ``confirmation`` compares the two on holdout, ``tokens``
    are the incumbent's and the winner's per run there, ``basis`` says why the winner is adopted,
    empty if it is not. ``confirmed`` names the confirmation, empty where there was none; it was the
    ``use``-th of this holdout. ``detectable`` is the difference holdout shows at ``alpha``, this
    use's level. ``note`` says why a search ended early or without a winner.
    """

    incumbent: Evaluation
    dev: Evaluation
    prompts: Candidate
    trials: tuple[Trial, ...]
    alpha: float
    detectable: float
    use: int = 1
    confirmed: str = ""
    winner: Trial | None = None
    winner_holdout: Evaluation | None = None
    confirmation: Comparison | None = None
    tokens: tuple[float, float] = (0.0, 0.0)
    basis: Basis = ""
    note: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the winner is adopted."""
        return bool(self.basis)


async def search(
    strategy: Strategy,
    evaluator: Evaluator,
    ledger: Ledger,
    *,
    seed: int,
    alpha: float = ALPHA,
    journal: Journal | None = None,
    proposer: Proposer | None = None,
    rule: Rule | None = None,
) -> SearchOutcome:
    """Search for a candidate better than the suite's prompts as they stand.

    The k-th use of the suite's holdout adopts falsely with α/(k(k+1)) at most, which adds up to at
    most α over all searches to come. ``alpha`` is α, or this suite's share of it where several are
    judged as one family. With a ``journal`` a search that was killed is continued. Without a
    ``proposer`` a strategy's questions stay unanswered. Without a ``rule`` only what is proven
    better is adopted. Raises ``StrategyError`` where the strategy itself fails, and
    ``BudgetExhaustedError`` only if not even the incumbent can be judged.
    """
    journal, rule = journal or Journal(), rule or Rule()
    plan = Plan(evaluator, ledger, journal, seed=seed)
    splits = evaluator.suite.splits
    use = splits.use_of()
    evaluator.tracker.begin("probe")
    probe = await evaluator.evaluate(plan.incumbent, plan.dev[:PROBE])
    journal.begin(
        {
            **_inputs(strategy, evaluator.suite, ledger, proposer),
            "prompts": Candidate(name="incumbent", states=probe.states).digest,
            "seed": seed,
            "uses of the holdout": use,
            "what is adopted": [rule.accept, rule.prefer, rule.margin],
        }
    )
    evaluator.tracker.begin("incumbent")
    dev = await evaluator.evaluate(plan.incumbent, plan.dev)
    prompts = Candidate(name="incumbent", states=dev.states)
    rounds = Rounds(
        evaluator=evaluator, plan=plan, journal=journal, prompts=prompts, harmless=rule.harmless
    )
    family, alpha = alpha, level(use, alpha)
    pointless = ""
    if prompts.states:
        scores = list(dev.scores.values())
        clusters = clusters_of((example.id for example in plan.holdout), plan.holdout)
        pointless = no_headroom(scores, len(plan.holdout), alpha=alpha, rule=rule, groups=clusters)
    notes = [journal.note]
    if prompts.states and not pointless:
        try:
            with ledger.keeping(plan.set_aside()):
                await _find(strategy, rounds, proposer, rule, notes)
        except BudgetExhaustedError as error:
            notes.append(f"the search stopped early: {error}")
    evaluator.tracker.begin("incumbent")
    outcome = SearchOutcome(
        incumbent=await evaluator.evaluate(plan.incumbent, plan.dev + plan.holdout),
        dev=dev,
        prompts=prompts,
        trials=tuple(rounds.trials),
        alpha=alpha,
        detectable=detectable_effect(len(plan.holdout), alpha=alpha),
        use=use,
    )
    winner = choose(rounds.trials, dev, rule, groups=groups_of(plan.dev))
    if winner is None:
        notes.insert(0, pointless or _why_none(rounds, ledger, dev))
        journal.record("finished")
        return replace(outcome, note="; ".join(filter(None, notes)))
    evaluator.tracker.begin("confirmation")
    try:
        found = await confirm(winner, evaluator, plan, rule, alpha=family, seed=seed)
    except BudgetExhaustedError as error:  # the winner is dearer than anything that was set aside
        name = winner.proposal.candidate.name
        notes.insert(0, f"{name} did better on dev, but could not be proven: {error}")
        journal.record("finished")
        return replace(outcome, note="; ".join(filter(None, notes)))
    verdict = found.comparison.verdict if found.comparison else None
    journal.record("finished", winner=winner.proposal.candidate.digest, verdict=verdict)
    alpha = level(found.use, family)
    return replace(
        outcome,
        alpha=alpha,
        detectable=detectable_effect(len(plan.holdout), alpha=alpha),
        use=found.use,
        confirmed=found.name if found.comparison else "",
        winner=winner,
        winner_holdout=found.evaluation,
        confirmation=found.comparison,
        tokens=found.tokens,
        basis=found.basis,
        note="; ".join(filter(None, notes)),
    )


async def _find(
    strategy: Strategy,
    rounds: Rounds,
    proposer: Proposer | None,
    rule: Rule,
    notes: list[str],
) -> None:
    """The strategy's rounds and, where shorter prompts are preferred, those that shorten."""
    plan = rounds.plan
    left = plan.runs_left()
    if rule.harmless is not None and left is not None:
        plan.aside = min(race_cost(FIELD, len(plan.dev)), left // 3)
    bench = TrainBench(rounds.evaluator, plan, proposer)
    try:
        await rounds.run(strategy, bench)
    finally:
        rounds.reasons[:] = [*bench.reasons, *rounds.reasons]
        if bench.unheard:
            notes.append(_nobody_asked(rounds.evaluator.suite))
    if (perfect := rounds.perfect) is not None:
        name = perfect.proposal.candidate.name
        notes.append(
            f"nothing more was proposed once {name} was right on all {perfect.n} dev examples"
        )
    if rule.harmless is not None:
        plan.aside = 0
        shortening = Shortening(rule=rule, groups=groups_of(plan.dev))
        await rounds.run(shortening, bench, shortening=True)


def _nobody_asked(suite: Suite) -> str:
    """Why a strategy's questions stayed unanswered."""
    why = (
        "the packaged one can't write any"
        if suite.model == PACKAGED
        else "the suite names none, and those that only prompt files name are not asked"
    )
    return f"no model was asked for instructions: {why}, so --lm-proposer=MODEL must name one"


def _why_none(rounds: Rounds, ledger: Ledger, dev: Evaluation) -> str:
    """Why a search that was not pointless has nothing to confirm."""
    why = "; ".join(rounds.reasons[:MOST_REASONS])
    if rounds.trials:
        unchanged = nothing_changed(rounds.trials, dev)
        found = "no candidate beat the incumbent on dev" + (f": {unchanged}" if unchanged else "")
        return "; ".join(filter(None, [found, why]))
    if not rounds.prompts.states:
        return (
            "no candidate was raced: the pipeline calls no Prompt, and only a Prompt can be changed"
        )
    left = min((runs for runs in rounds.left if runs is not None), default=rounds.least)
    if left < rounds.least:
        kept = "" if rounds.harmless is None else " or is kept for shortening"
        return (
            f"no candidate was raced: of the {ledger.granted} calls granted, "
            f"{rounds.plan.confirmation_calls} are set aside for judging; with what was spent "
            f"before{kept}, that leaves {left} of the {rounds.least} runs that a race takes at "
            f"least; a budget of {_enough_calls(rounds)} calls leaves enough for one"
        )
    return f"no candidate: {why}" if why else "no candidate was raced"


def _enough_calls(rounds: Rounds) -> int:
    """Calls that pay for judging and, after a strategy has spent its share, for one race."""
    share = 1.0 - STRATEGY_SHARE
    if rounds.harmless is not None:
        share *= 2 / 3  # a third is kept for shortening
    runs = len(rounds.plan.dev) + math.ceil(rounds.least / share) + 1
    return rounds.plan.confirmation_calls + runs * rounds.plan.calls_per_run


def _inputs(
    strategy: Strategy, suite: Suite, ledger: Ledger, proposer: Proposer | None
) -> dict[str, object]:
    """What must be the same for a killed search to be continued."""
    return {
        "dataset": suite.dataset.digest,
        "metric": suite.metric_digest,
        "model": suite.model,
        "proposer": proposer.model if proposer else None,
        "source": digest(suite.source),
        "strategy": identity(strategy),
        "budget": [str(account.budget) for account in ledger.accounts],
        "repeats": suite.repeats,
        "splits": digest(suite.splits.names),
    }


def identity(strategy: Strategy) -> str:
    """A strategy's class and parameters: searches of equal ones are the same search."""
    name = type(strategy).__name__
    try:
        return f"{name} {digest(content(strategy))}"
    except ContentError as error:
        raise StrategyError(
            f"the strategy {name} can't be identified: {error}, so a killed search could not be "
            f"continued; give it or that part an attribute {GIVEN}, a text that changes with it",
            strategy=name,
        ) from None
