"""What proposers are told of a suite before anything was run: its data, code and metric."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Sequence

from pytest_lmopt.strategies.proposing.evidence import shown
from pytest_lmopt.strategies.protocol import About
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.suite import Suite

FEW = 12
"""So many different expected values at most are taken for labels, and listed."""

SHOWN = 4
"""Examples shown whole."""


def about(suite: Suite) -> About:
    """Everything there is to tell, from train alone."""
    metric = inspect.getdoc(suite.metric) if suite.metric is not None else ""
    words = f"{suite.metric_name}: {metric.splitlines()[0]}" if metric else suite.metric_name
    return About(dataset=_summary(suite.splits.train), source=suite.source, metric=words)


def _summary(train: Sequence[Example]) -> str:
    lines = [f"{len(train)} training examples."]
    fields = sorted({name for example in train for name in example.inputs})
    for name in fields:
        texts = [str(example.inputs[name]) for example in train if name in example.inputs]
        sizes = sorted(map(len, texts))
        lines.append(f"Input {name}: {sizes[0]} to {sizes[-1]} characters.")
    labels = Counter(str(example.expected) for example in train if example.expected is not None)
    if labels and len(labels) <= FEW and len(labels) < sum(labels.values()):
        counted = ", ".join(f"{shown(label)} ({count})" for label, count in labels.most_common())
        lines.append(f"Expected answers: {counted}.")
    lines += [
        f"For example: {shown(dict(example.inputs))} -> {shown(example.expected)}"
        for example in train[:SHOWN]
    ]
    return "\n".join(lines)
