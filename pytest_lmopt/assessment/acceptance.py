"""What accepting would write: prompt files and the snapshot, as text by path."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pytest_lmopt.assessment.answers import answers_of
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.lm.local.model import model_identity
from pytest_lmopt.lm.recordings.files import dump_record
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.optimizers.search import SearchOutcome
from pytest_lmopt.snapshots.prompt_files import rewrite_prompt
from pytest_lmopt.snapshots.snapshot import Baseline, Snapshot
from pytest_lmopt.snapshots.store import NO_MODEL, snapshot_files
from pytest_lmopt.stats.intervals import mean_interval
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.canonical import digest
from pytest_lmopt.suites.example import clusters_of
from pytest_lmopt.suites.places import name_below
from pytest_lmopt.suites.prompt_state import PromptState, difference
from pytest_lmopt.suites.suite import Suite


class Acceptance:
    """The files of one suite, given the snapshot that is there now."""

    def __init__(self, suite: Suite, terms: Terms, snapshot: Snapshot | None) -> None:
        self._suite = suite
        self._root = terms.root
        self._path = terms.snapshot
        self._record = terms.record
        self._before = snapshot
        self._uses = holdout_uses(suite, snapshot)

    @property
    def holdout_use(self) -> int:
        """Which use of the holdout a confirmation would now be, counted from 1."""
        return self._uses + 1

    def of_evaluation(self, evaluation: Evaluation) -> dict[str, str]:
        """Files that make an evaluation the baseline."""
        return self._files(evaluation, self._uses)

    def of_search(self, outcome: SearchOutcome, scores: Evaluation) -> dict[str, str]:
        """Files that accept a search: the prompts of the candidate that ``scores`` are of."""
        uses = self._uses + (outcome.confirmation is not None)
        prompts = {
            self.name(key): text
            for key, text in self._rewritten(scores.candidate, outcome.prompts).items()
            if text is not None
        }
        return {**prompts, **self._files(scores, uses)}

    def of_use(self, outcome: SearchOutcome) -> dict[str, str]:
        """Files that count a search's use of the holdout and accept nothing.

        The baseline as it is; none where it would change nothing, or there is none yet.
        """
        if self._before is None or outcome.confirmation is None:
            return {}
        seed = self._suite.split_seed
        # of a holdout that is mostly new the baseline can't keep count: it lacks its examples
        known = self._before.holdout_uses if self._before.split_seed == seed else 0
        counted = replace(
            self._before,
            splits=self._sizes(),
            split_seed=seed,
            holdout_uses=max(known, self.holdout_use),
        )
        return self._placed(snapshot_files(self._path, counted))

    def diff(self, candidate: Candidate, outcome: SearchOutcome) -> tuple[str, tuple[str, ...]]:
        """Unified diff of the prompt files, and the names of prompts that have none to change."""
        lines: list[str] = []
        unwritable = []
        for key, text in self._rewritten(candidate, outcome.prompts).items():
            name = self.name(key)
            if text is None:
                unwritable.append(name)
                continue
            old = Path(key).read_text(encoding="utf-8")
            lines += difflib.unified_diff(
                old.splitlines(), text.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=2
            )
        return "\n".join(lines), tuple(unwritable)

    def changes(self, candidate: Candidate, prompts: Candidate) -> tuple[str, ...]:
        """What the candidate changes in each prompt, in a few words."""
        return tuple(
            f"{self.name(key)}: {difference(prompts.states[key], state)}"
            for key, state in candidate.states.items()
            if key in prompts.states and state != prompts.states[key]
        )

    def model(self, evaluation: Evaluation) -> str:
        """The models that were called, as snapshots name them; ``none`` where no call was made."""
        outcomes = evaluation.outcomes
        if not any(each.usage.calls or each.states or each.direct_models for each in outcomes):
            return NO_MODEL
        default = self._suite.model or ""
        models = {state.model or default for state in evaluation.states.values()}
        models = models | evaluation.direct_models or {default}
        return ", ".join(sorted(model_identity(model) for model in models))

    def digests(self, states: Mapping[str, PromptState]) -> dict[str, str]:
        """Digest of each prompt by its name in snapshots; of all of them where names are equal."""
        found: dict[str, set[str]] = {}
        for key, state in states.items():
            found.setdefault(self.name(key), set()).add(state.digest)
        return {
            name: digest(sorted(each)) if len(each) > 1 else next(iter(each))
            for name, each in found.items()
        }

    def changed(self, states: Mapping[str, PromptState]) -> tuple[str, ...]:
        """Names of the prompts that are not as they were accepted; none before a first time."""
        if self._before is None:
            return ()
        now, accepted = self.digests(states), self._before.prompts
        return tuple(name for name in sorted(now) if accepted.get(name) != now[name])

    def _rewritten(self, candidate: Candidate, prompts: Candidate) -> dict[str, str | None]:
        """New text of each prompt file the candidate changes; None where it can't be written."""
        texts: dict[str, str | None] = {}
        for key, state in candidate.states.items():
            if state == prompts.states.get(key):
                continue
            path = Path(key)
            if path.is_absolute() and name_below(path, self._root) is not None:
                texts[key] = rewrite_prompt(path.read_bytes().decode(), state, path=path)
            else:
                texts[key] = None
        return texts

    def _files(self, evaluation: Evaluation, holdout_uses: int) -> dict[str, str]:
        files = snapshot_files(self._path, self._snapshot(evaluation, holdout_uses))
        if self._record is not None:
            answers = answers_of(evaluation, self._suite.dataset)
            files[self._record] = dump_record(self._suite.name, answers)
        return self._placed(files)

    def _placed(self, files: Mapping[Path, str]) -> dict[str, str]:
        return {self._place(path): text for path, text in files.items()}

    def _place(self, path: Path) -> str:
        """Where a file is written: relative to the root folder, unless it lies outside of it."""
        return name_below(path, self._root) or path.as_posix()

    def _snapshot(self, evaluation: Evaluation, holdout_uses: int) -> Snapshot:
        clusters = clusters_of(evaluation.scores, self._suite.dataset)
        low, high = mean_interval(list(evaluation.scores.values()), clusters)
        usage = evaluation.usage
        return Snapshot(
            suite=self._suite.name.split("::", 1)[-1],
            model=self.model(evaluation),
            dataset=self._suite.dataset.digest,
            metric=self._suite.metric_digest,
            prompts=self.digests(evaluation.states),
            splits=self._sizes(),
            split_seed=self._suite.split_seed,
            score={"mean": evaluation.mean, "low": low, "high": high, "n": len(evaluation.scores)},
            usage={
                "calls": usage.calls,
                "tokens": usage.tokens,
                "usd": (usage.micro_usd or 0) / 1e6,
            },
            holdout_uses=holdout_uses,
            baselines={
                example.id: Baseline(score=evaluation.scores[example.id], example=example.digest)
                for example in self._suite.dataset
                if example.id in evaluation.scores
            },
        )

    def _sizes(self) -> dict[str, int]:
        splits = self._suite.splits
        return {name: len(getattr(splits, name)) for name in ("train", "dev", "holdout")}

    def name(self, key: str) -> str:
        """A prompt as snapshots and reports name it."""
        return prompt_name(key, root=self._root)


def prompt_name(key: str, *, root: Path) -> str:
    """A prompt as snapshots and reports name it: never by an absolute path."""
    path = Path(key)
    return name_below(path, root) or path.name if path.is_absolute() else key


def as_split(suite: Suite, snapshot: Snapshot | None, resplit: int | None) -> Suite:
    """The suite split as asked for, else as its snapshot was: its holdout then stays the same."""
    if resplit is None:
        resplit = snapshot.split_seed if snapshot else 0
    return replace(suite, split_seed=resplit)


def holdout_uses(suite: Suite, snapshot: Snapshot | None) -> int:
    """Confirmations this holdout has served: none if it was drawn anew, or half of it is new."""
    if snapshot is None or snapshot.split_seed != suite.split_seed:
        return 0
    known = [example.id in snapshot.baselines for example in suite.splits.holdout]
    return snapshot.holdout_uses if 2 * sum(known) > len(known) else 0
