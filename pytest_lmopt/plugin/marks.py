"""From marks on a test to a suite, with every mistake named by node id and argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.nodes import Node

from pytest_lmopt.errors import SuiteError
from pytest_lmopt.lm.offered import check_lm, name_of
from pytest_lmopt.plugin.names import FIXTURE_NAME, MARK_NAME, MODEL_NAME, item_snapshot, node_name
from pytest_lmopt.plugin.option_values import GATES
from pytest_lmopt.plugin.options import Options
from pytest_lmopt.plugin.records import BudgetMark, MarkedSuite
from pytest_lmopt.snapshots.store import record_path
from pytest_lmopt.suites.budget import Budget
from pytest_lmopt.suites.dataset import load_dataset
from pytest_lmopt.suites.example import Example
from pytest_lmopt.suites.metric_identity import identify
from pytest_lmopt.suites.suite import Pipeline, Suite
from pytest_lmopt.wire import OFFERED

if TYPE_CHECKING:
    from pytest_lmopt.lm.seam import LM

_ARGUMENTS = (
    "dataset",
    "metric",
    "budget",
    "threshold",
    "margin",
    "gate",
    "require_baseline",
    "repeats",
    "model",
    "max_missing",
    "concurrency",
    "near_duplicates",
    "intercept",
)
_OF_SUITE = ("metric", "budget", "threshold", "margin", "repeats", "max_missing", "concurrency")
"""Arguments that are fields of the suite as they are."""


def suite_of(item: pytest.Function, options: Options) -> MarkedSuite:
    """The suite a marked test declares; options win over the mark, the mark over ini values.

    Raises ``SuiteError``, ``DatasetError`` or ``ModelError``.
    """
    arguments: dict[str, Any] = {}
    for mark, _ in _marks(item):
        if mark.args:
            raise SuiteError(
                f"lm_suite takes keyword arguments only, found {mark.args[0]!r}",
                suite=node_name(item),
            )
        for name, value in mark.kwargs.items():
            if name not in _ARGUMENTS:
                raise SuiteError(
                    f"lm_suite has no argument {name!r}; it takes {', '.join(_ARGUMENTS)}",
                    suite=node_name(item),
                )
            arguments.setdefault(name, value)
    callspec = getattr(item, "callspec", None)
    if callspec is not None and MODEL_NAME in callspec.params:
        arguments["model"] = callspec.params[MODEL_NAME]
    _check_signature(item)
    _check_arguments(arguments, node_name(item))
    for name in options.under_marks:
        arguments[name] = options.for_suite(name, arguments.get(name))
    name = node_name(item)
    metric = arguments.get("metric")
    lm, model = _offered(item), options.model
    if lm is not None and not model:
        model = name_of(lm, root=item.config.rootpath)
    suite = Suite(
        name=name,
        identity=identify(metric, suite=name, root=item.config.rootpath),
        pipeline=pipeline_of(item),
        dataset=load_dataset(
            arguments["dataset"],
            beside=item.path.parent,
            near_duplicates=arguments["near_duplicates"],
        ),
        model=arguments.get("model") or model,
        **{name: arguments[name] for name in _OF_SUITE if name in arguments},
    )
    if options.strategy and options.prefer == "shorter" and not suite.margin:
        raise SuiteError(
            "--lm-prefer=shorter (or ini lm_prefer) takes a cheaper prompt that is worse by less "
            "than the suite's margin, and that is 0; set margin= in the mark or --lm-margin, such "
            "as 0.05",
            suite=node_name(item),
        )
    snapshot = item_snapshot(item)
    folder, root = options.record, item.config.rootpath
    return MarkedSuite(
        suite=suite,
        snapshot=snapshot,
        record=record_path(snapshot, folder=folder, root=root) if folder else None,
        budgets=_budgets(item),
        gate=arguments["gate"],
        require_baseline=arguments["require_baseline"],
        lm=lm,
        intercepted=arguments.get("intercept") != "off",
    )


def _offered(item: pytest.Function) -> LM | None:
    """The LM that the closest hook offers; raises ``SuiteError`` or ``ModelError``."""
    try:
        lm: LM | None = item.ihook.pytest_lmopt_lm(config=item.config)
    except Exception as error:
        raise SuiteError(
            f"the hook {OFFERED} raised {type(error).__name__}: {error}", suite=node_name(item)
        ) from error
    if lm is not None:
        check_lm(lm)
    return lm


def _budgets(item: pytest.Function) -> tuple[BudgetMark, ...]:
    """The budgets a test's calls are charged to, its own first."""
    budgets: dict[str, Budget] = {}
    for mark, node in _marks(item):
        if "budget" in mark.kwargs:
            owner = node_name(node) or "the session"
            number = sum(known.partition(" (mark ")[0] == owner for known in budgets) + 1
            name = owner if number == 1 else f"{owner} (mark {number})"
            budgets[name] = mark.kwargs["budget"]
    return tuple(BudgetMark(budget=budget, owner=owner) for owner, budget in budgets.items())


def _marks(item: pytest.Function) -> Iterator[tuple[pytest.Mark, Node]]:
    """The test's lm_suite marks, closest first: parameter, function, class, module."""
    own = [mark for mark in item.own_markers if mark.name == MARK_NAME]
    callspec = getattr(item, "callspec", None)
    of_parameter = list(callspec.marks) if callspec is not None else []
    yield from ((mark, item) for mark in own if mark in of_parameter)
    yield from ((mark, item) for mark in own if mark not in of_parameter)
    for node, mark in item.iter_markers_with_node(MARK_NAME):
        if node is not item:
            yield mark, node


def _check_signature(item: pytest.Function) -> None:
    if FIXTURE_NAME not in item.fixturenames:
        raise SuiteError(
            "a marked test must take the fixture lm_example, which brings the example's inputs",
            suite=node_name(item),
        )
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        if name != FIXTURE_NAME and FIXTURE_NAME in definitions[-1].argnames:
            raise SuiteError(
                f"fixture {name!r} asks for lm_example, but fixtures are set up once per suite; "
                "take lm_example in the test itself",
                suite=node_name(item),
            )
    if FIXTURE_NAME not in item._fixtureinfo.argnames:
        raise SuiteError(
            "usefixtures gives the test no lm_example to work on; take it as an argument",
            suite=node_name(item),
        )


def _check_arguments(arguments: dict[str, Any], suite: str) -> None:
    def reject(name: str, wanted: str) -> None:
        raise SuiteError(f"lm_suite({name}={arguments[name]!r}): {wanted} expected", suite=suite)

    if "dataset" not in arguments:
        raise SuiteError("lm_suite needs dataset=, a file name or rows", suite=suite)
    metric = arguments.get("metric")
    if metric is not None and (not callable(metric) or inspect.isclass(metric)):
        reject("metric", "a function (example, prediction)")
    if "budget" in arguments and not isinstance(arguments["budget"], Budget):
        reject("budget", "a Budget, such as Budget(calls=600),")
    for name in ("threshold", "margin", "max_missing"):
        value = arguments.get(name, 0.0)
        if value is None and name in ("threshold", "margin"):
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0.0 <= value <= 1.0:
            reject(name, "a number from 0 to 1")
    for name in ("repeats", "concurrency"):
        count = arguments.get(name, 1)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            reject(name, "a positive whole number")
    alike = arguments.get("near_duplicates", 1.0)
    if alike is not None and not (type(alike) in (int, float) and 0.0 < alike <= 1.0):
        reject("near_duplicates", "a number above 0, up to 1,")
    _check_words(arguments, reject)
    model = arguments.get("model")
    if model is not None and not (isinstance(model, str) and model):
        reject("model", "a model string")


def _check_words(arguments: dict[str, Any], reject: Callable[[str, str], None]) -> None:
    if arguments.get("gate") not in (None, *GATES):
        reject("gate", f"one of {', '.join(GATES)}")
    if arguments.get("require_baseline") not in (None, True, False):
        reject("require_baseline", "True or False")
    if arguments.get("intercept") not in (None, "off"):
        reject("intercept", "'off' or None")


def pipeline_of(item: pytest.Function) -> Pipeline:
    """The test function as a pipeline, with its other fixtures bound.

    Fixture values are looked up at each call, since they exist only once the test is set up.
    """
    names = [name for name in item._fixtureinfo.argnames if name != FIXTURE_NAME]

    def arguments(example: Example) -> dict[str, Any]:
        return {**{name: item.funcargs[name] for name in names}, FIXTURE_NAME: example}

    async def asynchronous(example: Example) -> Any:
        return await item.obj(**arguments(example))

    def synchronous(example: Example) -> Any:
        return item.obj(**arguments(example))

    return asynchronous if inspect.iscoroutinefunction(item.obj) else synchronous
