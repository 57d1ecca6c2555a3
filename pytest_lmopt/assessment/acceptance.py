"""What accepting would write: prompt files and the snapshot, as text by path."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lmopt.assessment.answers import answers_of
from pytest_lmopt.assessment.placement import accepted_rows, counted_rows, learned_from
from pytest_lmopt.assessment.terms import Terms
from pytest_lmopt.canonical import digest
from pytest_lmopt.lm.local.model import model_identity
from pytest_lmopt.lm.recordings.files import dump_record
from pytest_lmopt.metrics.evaluation import Evaluation
from pytest_lmopt.snapshots.prompt_files import rewrite_prompt
from pytest_lmopt.snapshots.snapshot import SCORE, Snapshot
from pytest_lmopt.snapshots.store import snapshot_files, snapshot_paths
from pytest_lmopt.stats.intervals import mean_interval
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.clusters import clusters_of
from pytest_lmopt.suites.places import name_below
from pytest_lmopt.suites.prompt_state import PromptState, difference
from pytest_lmopt.suites.suite import Suite

if TYPE_CHECKING:
    from pytest_lmopt.strategies.search import SearchOutcome


class Acceptance:
    """The files of one suite, given the snapshot that is there now."""

    def __init__(self, suite: Suite, terms: Terms, snapshot: Snapshot | None) -> None:
        self._suite = suite
        self._root = terms.root
        self._path = terms.snapshot
        self._record = terms.record
        self._setup = terms.setup.trace if terms.setup is not None else ()
        self._before = snapshot

    def of_evaluation(self, evaluation: Evaluation) -> dict[str, str]:
        """Files that make an evaluation the baseline."""
        return self._files(evaluation, searched=False)

    def names(self) -> tuple[str, ...]:
        """Names of the files that would make an evaluation the baseline."""
        return tuple(map(self._place, snapshot_paths(self._path)))

    def of_search(self, outcome: SearchOutcome, scores: Evaluation) -> dict[str, str]:
        """Files that accept a search: the prompts of the candidate that ``scores`` are of."""
        prompts = {
            self.name(key): text
            for key, text in self._rewritten(scores.candidate, outcome.prompts).items()
            if text is not None
        }
        return {**prompts, **self._files(scores, searched=bool(prompts), used=outcome.confirmed)}

    def of_use(self, outcome: SearchOutcome, evaluation: Evaluation) -> dict[str, str]:
        """Files that count a search's use of the holdout and accept nothing.

        The baseline stays as it is; where there is none yet, the snapshot holds no scores.
        """
        if not outcome.confirmed:
            return {}
        rows = counted_rows(self._suite, self._before, outcome.confirmed)
        before = self._before or replace(
            self._snapshot(evaluation, searched=False, used=""), score={"n": 0}, usage={}
        )
        counted = replace(before, rows=rows, split_seed=self._suite.split_seed)
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

    def models(self, evaluation: Evaluation) -> tuple[str, ...]:
        """The models that were called, as snapshots name them; none where no call was made."""
        outcomes = evaluation.outcomes
        if not any(each.usage.calls or each.states or each.client_models for each in outcomes):
            return ()
        default = self._suite.model or ""
        models = {state.model or default for state in evaluation.states.values()}
        models = models | evaluation.client_models or {default}
        return tuple(sorted(model_identity(model) for model in models))

    def model(self, evaluation: Evaluation) -> str:
        """The models that were called as reports name them; ``none`` where no call was made."""
        return ", ".join(self.models(evaluation)) or "none"

    def digests(self, states: Mapping[str, PromptState]) -> dict[str, str]:
        """Digest of each prompt by its name in snapshots; of all of them where names are equal."""
        found: dict[str, set[str]] = {}
        for key, state in states.items():
            found.setdefault(self.name(key), set()).add(state.digest)
        return {
            name: digest(sorted(each)) if len(each) > 1 else next(iter(each))
            for name, each in found.items()
        }

    def changed(self, evaluation: Evaluation) -> tuple[str, ...]:
        """Prompts and models that are not as they were accepted; none before a first time.

        Models count only where some were asked both then and now.
        """
        if self._before is None or not self._before.baselines:
            return ()
        now, accepted = self.digests(evaluation.states), self._before.texts
        change = self.model_change(evaluation)
        return (
            *(name for name in sorted(now) if accepted.get(name) != now[name]),
            *([f"the model ({change})"] if change else []),
        )

    def model_change(self, evaluation: Evaluation) -> str:
        """Name the models then and now; empty where they are the same, or none was asked."""
        asked = self._before.models if self._before is not None else ()
        models = self.models(evaluation)
        other = asked and models and asked != models
        return f"{', '.join(asked)} → {', '.join(models)}" if other else ""

    def same_texts(self, evaluation: Evaluation) -> bool:
        """Whether the suite called the prompts that the snapshot names, changed or not."""
        before = self._before
        return before is not None and before.texts.keys() == self.digests(evaluation.states).keys()

    def unchanged(self, evaluation: Evaluation) -> bool:
        """Whether prompts, models and metric are those of the baseline."""
        before = self._before
        return (
            before is not None
            and not self.changed(evaluation)
            and before.metric == self._suite.metric_digest
            and dict(before.texts) == self.digests(evaluation.states)
        )

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

    def _files(self, evaluation: Evaluation, *, searched: bool, used: str = "") -> dict[str, str]:
        snapshot = self._snapshot(evaluation, searched=searched, used=used)
        files = snapshot_files(self._path, snapshot)
        if self._record is not None:
            answers = answers_of(evaluation, self._suite.dataset, setup=self._setup)
            files[self._record] = dump_record(self._suite.name, answers)
        return self._placed(files)

    def _placed(self, files: Mapping[Path, str]) -> dict[str, str]:
        return {self._place(path): text for path, text in files.items()}

    def _place(self, path: Path) -> str:
        """Where a file is written: relative to the root folder, unless it lies outside of it."""
        return name_below(path, self._root) or path.as_posix()

    def _snapshot(self, evaluation: Evaluation, *, searched: bool, used: str) -> Snapshot:
        suite, before = self._suite, self._before
        clusters = clusters_of(evaluation.scores, suite.dataset)
        low, high = mean_interval(list(evaluation.scores.values()) or [0.0], clusters)
        usage, unchanged = evaluation.usage, self.unchanged(evaluation)
        learned = learned_from(
            suite.dataset, evaluation.states.values(), suite.splits.train if searched else ()
        )
        return Snapshot(
            suite=suite.name.split("::", 1)[-1],
            models=self.models(evaluation),
            dataset=suite.dataset.digest,
            criteria={SCORE: suite.metric_digest},
            texts=self.digests(evaluation.states),
            searched=searched or (unchanged and before is not None and before.searched),
            split_seed=suite.split_seed,
            shares=suite.shares,
            score={"mean": evaluation.mean, "low": low, "high": high, "n": len(evaluation.scores)},
            usage={
                "calls": usage.calls,
                "tokens": usage.tokens,
                "usd": (usage.micro_usd or 0) / 1e6,
            },
            rows=accepted_rows(
                suite,
                before,
                evaluation.scores,
                confirmation=used,
                learned=learned,
                same_prompts=unchanged,
            ),
        )

    def name(self, key: str) -> str:
        """A prompt as snapshots and reports name it."""
        return prompt_name(key, root=self._root)


def prompt_name(key: str, *, root: Path) -> str:
    """A prompt as snapshots and reports name it: never by an absolute path."""
    path = Path(key)
    return name_below(path, root) or path.name if path.is_absolute() else key
