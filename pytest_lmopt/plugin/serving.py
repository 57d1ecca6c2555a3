"""A lane's process on a Dask worker: pytest collects the one test and sets it up, blocks come in.

Started by ``blocks.dask.lane``, which speaks to it in lines of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

import pytest
from _pytest.config import _prepareconfig

from pytest_lmopt.blocks.dask.messages import End, Reply, Spec, Task
from pytest_lmopt.errors import UnmeteredError
from pytest_lmopt.lm.money.allowances import NOTHING
from pytest_lmopt.lm.net.rules import Rules
from pytest_lmopt.lm.telemetry.destination import adopt
from pytest_lmopt.plugin.accounting import marked_rules
from pytest_lmopt.plugin.broken import fail
from pytest_lmopt.plugin.importing import reason
from pytest_lmopt.plugin.names import node_name
from pytest_lmopt.plugin.option_values import NONE
from pytest_lmopt.plugin.session import session_key
from pytest_lmopt.plugin.setting_up import Failing, belonging, suite_context

if TYPE_CHECKING:
    from pytest_lmopt.plugin.records import MarkedSuite

NEUTRAL = {
    "lm_optimize": NONE,
    "lm_snapshot_update": "no",
    "lm_record": None,
    "lm_cache": "off",
    "lm_cache_prune": NONE,
    "lm_budget": NONE,
    "lm_executor": NONE,
    "lm_report": [NONE],
    "basetemp": None,
    "pyargs": False,
    "usepdb": False,
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
}
"""Options that are the leader's affair; ``none`` also takes back what the configuration says."""

REPORTS = ("--cov", "--junit", "--html", "--report-log", "--log-file")
"""Beginnings of arguments that would have a lane write what the leader writes."""


class Channel:
    """Lines of JSON from and to the worker.

    What the pipeline, or a program it starts, prints goes to the worker's log; it can read nothing.
    """

    def __init__(self) -> None:
        self._in: TextIO = os.fdopen(os.dup(0), encoding="utf-8")
        self._out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._ended = False
        first = json.loads(self._in.readline())
        self.spec = Spec.from_text(first["spec"])
        self.root = Path(first["root"])
        self.worker_path: list[str] = first["path"]

    def send(self, **message: Any) -> None:
        """Tell the worker."""
        with self._lock:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()

    def listen(self, heard: Callable[[dict[str, Any]], object]) -> None:
        """Hear what the worker says, on a thread; end at once if it is gone."""

        def follow() -> None:
            for line in self._in:
                message = json.loads(line)
                self._ended = self._ended or "end" in message
                heard(message)
            if not self._ended:
                os._exit(1)  # nobody wants answers that would still be paid for

        threading.Thread(target=follow, name="lmopt-channel", daemon=True).start()


class ServingHooks:
    """Serves blocks in place of the test's call, and notes what keeps it from being called."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._suites: dict[str, MarkedSuite] = {}
        self.problem = ""
        self.served = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what can't be imported."""
        if report.failed:
            self._note(f"{report.nodeid} can't be collected", report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a fixture that fails, or a test that is skipped."""
        if not report.passed and not self.served:
            self._note(f"its test was {report.outcome} in {report.when}", report.longreprtext)

    def pytest_internalerror(self, excrepr: object) -> None:
        """Note it."""
        self._note("pytest failed", str(excrepr))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Let no fixture call a model where a promise of the leader's would not hold for it."""
        marked, spec = self._suites.get(node_name(item)), self._channel.spec
        if marked is None or not spec.promise:
            return (yield)
        error = UnmeteredError(
            f"a fixture calls a model on a Dask worker: under {spec.promise}, only calls that can "
            "be counted and recorded expected, found one outside of runs. Run this suite without "
            "--lm-executor",
            target=spec.suite,
        )
        rules = _rules(item, marked, spec)
        context = suite_context(marked, lm=Failing(error), rules=rules)
        with belonging(context):
            yield
        if context.stop is not None:
            fail(item.config.stash[session_key], str(context.stop))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Serve the suite where its test would be run."""
        state, suite = session.config.stash[session_key], self._channel.spec.suite
        for item in session.items:
            if not isinstance(item, pytest.Function) or suite not in state.suites:
                continue
            if node_name(item) == suite:
                item.runtest = partial(self._serve, item)  # type: ignore[method-assign]
        # in place of the suite by itself, which would do so as well
        self._suites, state.suites = state.suites, {}

    def _serve(self, item: pytest.Function) -> None:
        from pytest_lmopt.runs.suite_loop import run_on_loop

        marked = self._suites[node_name(item)]
        self.problem = run_on_loop(_serve(item, marked, self._channel))
        self.served = not self.problem

    def _note(self, what: str, told: str) -> None:
        self.problem = self.problem or f"{what}: {reason(told)}"


def _rules(item: pytest.Item, marked: MarkedSuite, spec: Spec) -> Rules:
    options = item.config.stash[session_key].options
    return marked_rules(options, marked, promise=spec.promise, replaying=spec.replaying)


async def _serve(item: pytest.Function, marked: MarkedSuite, channel: Channel) -> str:
    """Run blocks until told to end; or what makes this another suite than the leader's."""
    from pytest_lmopt.blocks.dask.serving import BlockServer, LMOfTheBlock
    from pytest_lmopt.plugin.isolation import concurrency_of
    from pytest_lmopt.plugin.lane_spans import LaneSpans
    from pytest_lmopt.plugin.marks import pipeline_of
    from pytest_lmopt.runs.executor import InProcessExecutor

    session, spec = item.config.stash[session_key], channel.spec
    spans = LaneSpans(session)
    suite = marked.suite
    suite = replace(suite, pipeline=spans.of_runs(pipeline_of(item), suite.name))
    for name, here, there in (
        ("dataset", suite.dataset.digest, spec.dataset),
        ("metric", suite.metric_digest, spec.metric),
    ):
        if here != there:
            return f"its {name} is another one there; bring the project's files up to date"
    lm, options = LMOfTheBlock(), session.options
    concurrency, _ = concurrency_of(item, suite, options)
    with InProcessExecutor(
        lm=spans.of_calls(lm),
        model=suite.model,
        concurrency=concurrency,
        timeout=options.example_timeout,
        rules=_rules(item, marked, spec),
    ) as executor:
        server = BlockServer(
            suite,
            executor,
            lm,
            provider=session.provider(marked.lm),
            traffic=session.traffic,
            most=concurrency,
        )
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        channel.listen(lambda message: loop.call_soon_threadsafe(inbox.put_nowait, message))
        channel.send(ready=True)
        under_way: dict[str, asyncio.Task[None]] = {}
        stopped: set[str] = set()

        async def run(name: str, task: Task) -> None:
            try:
                with spans.below(task.trace):
                    reply = await server.run(task)
            except Exception as error:
                reply = Reply(end=End.REFUSED, problem=f"{type(error).__name__}: {error}")
            under_way.pop(name, None)
            channel.send(name=name, reply=reply.to_text())
            spans.flush()

        while "end" not in (message := await inbox.get()):
            name = message.get("name", "")
            if "stop" in message:
                stopped.add(name)  # the task may be still to come
                if name in under_way:
                    under_way[name].cancel()
            elif name in stopped:
                channel.send(name=name, reply=Reply(end=End.DONE, spending=NOTHING).to_text())
            else:
                task = Task.from_text(message["task"], message["allowance"])
                under_way[name] = asyncio.ensure_future(run(name, task))
        for left in list(under_way.values()):
            left.cancel()
        await asyncio.gather(*under_way.values(), return_exceptions=True)
    return ""


def main() -> None:
    """Collect the suite's test as the leader did, and serve."""
    channel = Channel()
    hooks = ServingHooks(channel)
    status: object = 0
    try:
        status = _run_pytest(channel, hooks)
    except BaseException as error:  # whatever pytest or a conftest raises is told
        cause = getattr(error, "cause", error)
        hooks.problem = hooks.problem or f"{type(cause).__name__}: {cause}"
    if not hooks.served:
        channel.send(problem=hooks.problem or f"pytest did not run it and ended with {status!r}")


def _run_pytest(channel: Channel, hooks: ServingHooks) -> object:
    spec, root = channel.spec, channel.root
    known = set(sys.path)
    sys.path[:0] = [str(root / path) for path in spec.paths if str(root / path) not in known]
    sys.path += [path for path in channel.worker_path if path and path not in sys.path]
    ours = [f"--rootdir={root}", "--capture=no"]
    if spec.inifile is not None:
        ours += ["-c", str(root / spec.inifile)]
    os.environ.pop("PYTEST_ADDOPTS", None)  # the leader's are among the arguments
    adopt(spec.telemetry)
    with TemporaryDirectory(prefix="lmopt-") as cache:
        config = _prepareconfig([*spec.args, *ours, "-o", f"cache_dir={cache}"])
        try:
            # only now: the leader's arguments may hold options of this plugin, such as -v
            config.pluginmanager.unregister(name="terminal")
            config.pluginmanager.register(hooks)
            for name, value in {**NEUTRAL, "lm_model": spec.model}.items():
                if hasattr(config.option, name):
                    setattr(config.option, name, value)
            config.args = [str(root / spec.suite)]
            return config.hook.pytest_cmdline_main(config=config)
        finally:
            config._ensure_unconfigure()


def arguments(config: pytest.Config) -> tuple[str, ...]:
    """The leader's arguments to pytest, for lanes elsewhere."""
    given = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    given += [str(argument) for argument in config.invocation_params.args]
    return tuple(argument for argument in given if not argument.startswith(REPORTS))


if __name__ == "__main__":
    main()
