"""The search: ask the strategy, race what it proposes, confirm the winner once on holdout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_lmopt.blocks.evaluator import Evaluator
from pytest_lmopt.comparison.verdict import ALPHA, Comparison, Verdict, compare
from pytest_lmopt.errors import BudgetExhaustedError, LmoptError, StrategyError
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.optimizers.bench import Proposer, TrainBench
from pytest_lmopt.optimizers.journal import Journal
from pytest_lmopt.optimizers.plan import Plan
from pytest_lmopt.optimizers.proposing.grounding import about
from pytest_lmopt.optimizers.proposing.leakage import copied
from pytest_lmopt.optimizers.protocol import Bench, History, Optimizer, Proposal, Trial
from pytest_lmopt.optimizers.racing import race, rungs
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.canonical import digest
from pytest_lmopt.suites.example import groups_of
from pytest_lmopt.suites.suite import Suite

PROBE = 8
"""Dev examples run first, to learn which prompts there are and how many calls a run makes."""

NOBODY_ASKED = (
    "no model was asked for instructions: the packaged one can't write any, so --lm-proposer=MODEL "
    "must name one"
)


@dataclass(frozen=True, kw_only=True)
class SearchOutcome:
    """What a search found.

    ``incumbent`` holds the incumbent's dev and holdout runs, ``prompts`` its prompts spelt out.
    ``winner`` is the best trial that beat it on dev, if any, and ``winner_holdout`` that one's
    holdout runs; ``confirmation`` compares the two on holdout. ``note`` says why a search ended
    early or without a winner.
    """

    incumbent: Evaluation
    prompts: Candidate
    trials: tuple[Trial, ...]
    winner: Trial | None = None
    winner_holdout: Evaluation | None = None
    confirmation: Comparison | None = None
    note: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the winner was confirmed as better."""
        return self.confirmation is not None and self.confirmation.verdict is Verdict.IMPROVED


async def search(
    optimizer: Optimizer,
    evaluator: Evaluator,
    ledger: Ledger,
    *,
    seed: int,
    holdout_use: int = 1,
    journal: Journal | None = None,
    proposer: Proposer | None = None,
) -> SearchOutcome:
    """Search for a candidate better than the suite's prompts as they stand.

    ``holdout_use`` counts the confirmations this holdout has served, this one included: the k-th
    is tested at α/(k(k+1)), which adds up to at most α over all searches to come. With a
    ``journal`` a search that was killed is continued. Without a ``proposer`` a strategy's questions
    stay unanswered. Raises ``StrategyError`` where the strategy itself fails, and
    ``BudgetExhaustedError`` only if not even the incumbent can be judged.
    """
    journal = journal or Journal()
    plan = Plan(evaluator, ledger, journal, seed=seed)
    evaluator.tracker.begin("probe")
    probe = await evaluator.evaluate(plan.incumbent, plan.dev[:PROBE])
    prompts = Candidate(name="incumbent", states=probe.states)
    journal.begin(
        _inputs(
            optimizer,
            evaluator.suite,
            ledger,
            proposer,
            prompts=prompts,
            seed=seed,
            holdout_use=holdout_use,
        )
    )
    trials: list[Trial] = []
    notes = [journal.note]
    bench = TrainBench(evaluator, plan, proposer)
    try:
        with ledger.keeping(plan.confirmation_calls):
            if prompts.states:
                await _rounds(
                    optimizer, evaluator, plan, bench, prompts=prompts, trials=trials,
                    journal=journal,
                )  # fmt: skip
    except BudgetExhaustedError as error:
        notes.append(f"the search stopped early: {error}")
    if bench.unheard:
        notes.append(NOBODY_ASKED)
    evaluator.tracker.begin("incumbent")
    base = await evaluator.evaluate(plan.incumbent, plan.dev + plan.holdout)
    outcome = SearchOutcome(incumbent=base, prompts=prompts, trials=tuple(trials))
    winner = next((trial for trial in trials if trial.difference > 0.0), None)
    if winner is None:
        found = "no candidate beat the incumbent on dev" if trials else "no candidate was raced"
        if not prompts.states:
            found += ": the pipeline calls no Prompt, and only a Prompt can be changed"
        elif not trials and plan.runs_left() == 0:
            found += (
                f": of the {ledger.granted} calls granted, {plan.confirmation_calls} are set aside "
                "for judging, which leaves none for a race; see --lm-dry-run"
            )
        notes.insert(0, found)
        journal.record("finished")
        return replace(outcome, note="; ".join(filter(None, notes)))
    evaluator.tracker.begin("confirmation")
    held = await evaluator.evaluate(winner.proposal.candidate, plan.holdout)
    confirmation = compare(
        evaluator.kept(plan.incumbent, plan.holdout).scores,
        held.scores,
        groups=groups_of(plan.holdout),
        alpha=ALPHA / (holdout_use * (holdout_use + 1)),
        seed=seed,
    )
    verdict = confirmation.verdict if confirmation else None
    journal.record("finished", winner=winner.proposal.candidate.digest, verdict=verdict)
    return replace(
        outcome,
        winner=winner,
        winner_holdout=held,
        confirmation=confirmation,
        note="; ".join(filter(None, notes)),
    )


async def _rounds(
    optimizer: Optimizer,
    evaluator: Evaluator,
    plan: Plan,
    bench: Bench,
    *,
    prompts: Candidate,
    trials: list[Trial],
    journal: Journal,
) -> None:
    """Propose and race until the strategy is finished or nothing more can be paid for.

    Fills ``trials``, best first, as it goes: what was raced counts even if the budget ends.
    """
    known = {prompts.digest}
    described = about(evaluator.suite)
    least = rungs(len(plan.dev))[0]
    while True:
        left = plan.runs_left()
        if left is not None and left < least:
            return  # a strategy would spend on proposals that can't be raced
        history = History(
            candidate=prompts,
            incumbent=evaluator.kept(plan.incumbent, plan.dev),
            train=plan.train,
            trials=tuple(trials),
            about=described,
        )
        evaluator.tracker.begin("proposals")
        distinct = _distinct(await _proposed(optimizer, history, bench), known)
        fresh = _original(distinct, prompts, plan, journal)
        if not fresh:
            return
        journal.record("proposed", candidates=[_named(proposal) for proposal in fresh])
        raced = await race(
            fresh,
            plan.incumbent,
            plan.dev,
            evaluator,
            runs_left=plan.runs_left,
            calls=lambda: plan.calls,
        )
        if not raced:
            return
        journal.record(
            "raced",
            trials=[[*_named(trial.proposal), trial.n, trial.difference] for trial in raced],
        )
        trials += raced
        trials.sort(key=lambda trial: trial.rank)


def _inputs(
    optimizer: Optimizer,
    suite: Suite,
    ledger: Ledger,
    proposer: Proposer | None,
    *,
    prompts: Candidate,
    seed: int,
    holdout_use: int,
) -> dict[str, object]:
    """What must be the same for a killed search to be continued."""
    return {
        "dataset": suite.dataset.digest,
        "metric": suite.metric_digest,
        "prompts": prompts.digest,
        "model": suite.model,
        "proposer": proposer.model if proposer else None,
        "source": digest(suite.source),
        "strategy": repr(optimizer),
        "budget": [str(account.budget) for account in ledger.accounts],
        "repeats": suite.repeats,
        "splits": suite.split_seed,
        "seed": seed,
        "uses of the holdout": holdout_use,
    }


def _named(proposal: Proposal) -> list[str]:
    return [proposal.candidate.name, proposal.candidate.digest]


async def _proposed(optimizer: Optimizer, history: History, bench: Bench) -> Sequence[Proposal]:
    """What the strategy proposes; its own mistakes are told as such."""
    try:
        return await optimizer.propose(history, bench)
    except LmoptError:
        raise
    except Exception as error:
        name = type(optimizer).__name__
        raise StrategyError(
            f"the strategy {name} failed: {type(error).__name__}: {error}", strategy=name
        ) from error


def _original(
    proposals: Sequence[Proposal], prompts: Candidate, plan: Plan, journal: Journal
) -> list[Proposal]:
    """Proposals that copy no answer into an instruction."""
    kept = []
    for proposal in proposals:
        words = copied(proposal.candidate, prompts, (*plan.train, *plan.dev))
        if words is None:
            kept.append(proposal)
        else:
            journal.record("rejected", candidate=_named(proposal), copies=words)
    return kept


def _distinct(proposals: Sequence[Proposal], known: set[str]) -> list[Proposal]:
    """Proposals not seen before; their digests join ``known``."""
    fresh = []
    for proposal in proposals:
        if proposal.candidate.digest not in known:
            known.add(proposal.candidate.digest)
            fresh.append(proposal)
    return fresh
