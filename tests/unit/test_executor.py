"""The executor runs examples concurrently, within bounds, and says how each run ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.pool import ThreadPool

import pytest
from doubles.manual_clock import ManualClock

from pytest_lmopt import Budget, Example, Prompt
from pytest_lmopt.clock import SYSTEM, Clock
from pytest_lmopt.errors import (
    BudgetExhaustedError,
    InputError,
    LmoptError,
    LostContextError,
    MissingAnswerError,
    PromptError,
)
from pytest_lmopt.lm.money.ledger import Account, Ledger
from pytest_lmopt.lm.money.metered import Metered
from pytest_lmopt.lm.seam import LM, FunctionLM
from pytest_lmopt.runs.executor import InProcessExecutor
from pytest_lmopt.runs.outcomes import SessionEnded
from pytest_lmopt.runs.run import Ending, ExampleSkipped, Run
from pytest_lmopt.suites.candidate import Candidate
from pytest_lmopt.suites.suite import Pipeline
from pytest_lmopt.wire import Request

SHOUT = Prompt(name="shout", instruction="SHOUT", inputs=["word"], output="loud")
INCUMBENT = Candidate(name="incumbent", states={})


def upper(request: Request) -> str:
    """The last message in capitals."""
    return request.messages[-1].content.upper()


def busy(request: Request) -> str:
    """No answer."""
    raise MissingAnswerError("rate limit", request=request)


def examples(count: int) -> list[Example]:
    """Examples with the words w0, w1, ..."""
    return [Example(id=f"e{n}", inputs={"word": f"w{n}"}) for n in range(count)]


def run_block(
    pipeline: Pipeline,
    count: int,
    *,
    lm: LM | None = None,
    concurrency: int = 16,
    timeout: float | None = None,
    clock: Clock = SYSTEM,
    patience: float = 60.0,
) -> Sequence[Run]:
    """The runs of a pipeline over ``count`` examples."""

    async def block() -> Sequence[Run]:
        with InProcessExecutor(
            lm=lm or FunctionLM(upper),
            model="m",
            concurrency=concurrency,
            timeout=timeout,
            clock=clock,
            patience=patience,
        ) as executor:
            return await executor.run_block(pipeline, INCUMBENT, examples(count))

    return asyncio.run(block())


def shout(example: Example) -> str:
    """A sync pipeline of one call."""
    return SHOUT(word=example.inputs["word"]).text


async def ashout(example: Example) -> str:
    """An async pipeline of one call."""
    return (await SHOUT.acall(word=example.inputs["word"])).text


def plain(example: Example) -> Awaitable[str]:
    """A sync function whose result is to be awaited."""
    return ashout(example)


async def settle() -> None:
    """Let all tasks go as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Gauge:
    """Measures how many are inside at once, at most."""

    def __init__(self) -> None:
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Count whoever is in the block."""
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        yield
        with self._lock:
            self._inside -= 1


@pytest.mark.parametrize("pipeline", [shout, ashout, plain])
def test_runs_come_in_the_order_of_their_examples(pipeline: Pipeline) -> None:
    """Sync, async, and sync functions that return something to await alike."""
    runs = run_block(pipeline, 40)

    assert [run.prediction for run in runs] == [f"W{n}" for n in range(40)]
    assert [run.example.id for run in runs] == [f"e{n}" for n in range(40)]
    assert {run.ending for run in runs} == {Ending.RETURNED}
    assert {(run.problem, run.usage.calls) for run in runs} == {("", 1)}


@pytest.mark.parametrize("pipeline", [shout, ashout, plain])
def test_each_run_has_its_own_trace_and_states(pipeline: Pipeline) -> None:
    """Concurrent runs do not see each other's calls."""
    for number, run in enumerate(run_block(pipeline, 30)):
        assert [call.inputs["word"] for call in run.trace] == [f"w{number}"]
        assert run.states == {"shout": SHOUT.state}


def test_sync_pipelines_run_on_threads_within_the_bound() -> None:
    """Eight at a time, never nine, and on threads other than the caller's."""
    gauge = Gauge()
    threads: set[threading.Thread] = set()
    together = threading.Barrier(8)

    def pipeline(_: Example) -> None:
        threads.add(threading.current_thread())
        with gauge.inside():
            together.wait(60)

    run_block(pipeline, 40, concurrency=8)

    assert gauge.most == 8
    assert threading.current_thread() not in threads


def test_async_pipelines_run_as_tasks_within_the_bound() -> None:
    """Eight at a time, never nine, all on one thread."""
    gauge = Gauge()
    threads: set[threading.Thread] = set()

    async def pipeline(_: Example) -> None:
        threads.add(threading.current_thread())
        with gauge.inside():
            await settle()

    run_block(pipeline, 40, concurrency=8)

    assert gauge.most == 8
    assert threads == {threading.current_thread()}


def test_the_bound_holds_over_blocks_that_run_at_once() -> None:
    """Concurrency is the executor's, not the block's."""
    gauge = Gauge()

    async def pipeline(_: Example) -> None:
        with gauge.inside():
            await settle()

    async def both() -> None:
        with InProcessExecutor(lm=FunctionLM(upper), concurrency=3) as executor:
            blocks = [executor.run_block(pipeline, INCUMBENT, examples(9)) for _ in range(2)]
            await asyncio.gather(*blocks)

    asyncio.run(both())

    assert gauge.most == 3


def test_a_blocking_pipeline_does_not_stall_the_others() -> None:
    """One example that hangs for a while leaves the other slots working."""
    done = threading.Event()

    def pipeline(example: Example) -> bool:
        if example.id == "e0":
            return done.wait(60)
        if example.id == "e9":
            done.set()
        return True

    assert all(run.prediction for run in run_block(pipeline, 10, concurrency=2))


def test_a_failed_assertion_is_failed_with_its_message() -> None:
    """The message is the feedback."""

    def pipeline(example: Example) -> None:
        assert example.id == "e0", "too loud"

    first, second = run_block(pipeline, 2)

    assert (first.ending, second.ending) == (Ending.RETURNED, Ending.FAILED)
    assert second.problem.startswith("too loud")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_exception_is_wrong_with_type_and_message(asynchronous: bool) -> None:
    """The pipeline is at fault; the calls before the error stay in the trace."""

    def pipeline(example: Example) -> None:
        shout(example)
        raise KeyError("team")

    async def apipeline(example: Example) -> None:
        await ashout(example)
        raise KeyError("team")

    (run,) = run_block(apipeline if asynchronous else pipeline, 1)

    assert (run.ending, run.problem) == (Ending.WRONG, "KeyError: 'team'")
    assert len(run.trace) == 1


@pytest.mark.parametrize("timeout", [None, 60])
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError])
def test_an_exit_or_a_cancellation_of_its_own_is_wrong(
    kind: type[BaseException], asynchronous: bool, timeout: float | None
) -> None:
    """What a command line tool or a client raises in one example ends neither block nor loop."""

    def pipeline(example: Example) -> str:
        if example.id == "e1":
            raise kind("bad usage")
        return example.id

    async def apipeline(example: Example) -> str:
        await asyncio.sleep(0)
        return pipeline(example)

    runs = run_block(apipeline if asynchronous else pipeline, 4, timeout=timeout)

    endings = [run.ending for run in runs]
    assert endings == [Ending.RETURNED, Ending.WRONG, Ending.RETURNED, Ending.RETURNED]
    assert runs[1].problem == f"{kind.__name__}: bad usage"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stop_iteration_is_wrong(asynchronous: bool) -> None:
    """``next`` on nothing is the commonest of errors, and no future can hold it."""
    nothing: Iterator[str] = iter(())

    async def apipeline(_: Example) -> str:
        return next(nothing)

    (run,) = run_block(apipeline if asynchronous else lambda _: next(nothing), 1, timeout=60)

    assert run.ending is Ending.WRONG
    assert run.problem.startswith("RuntimeError: ")
    assert run.problem.endswith("raised StopIteration")


def test_a_cancelled_task_of_its_own_is_wrong() -> None:
    """As is whatever else the pipeline waits for in vain."""

    async def pipeline(_: Example) -> None:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    (run,) = run_block(pipeline, 1)

    assert run.ending is Ending.WRONG


def test_a_block_that_is_cancelled_has_no_wrong_runs() -> None:
    """Its runs end with it."""
    began: list[str] = []
    wrong: list[BaseException] = []

    async def pipeline(example: Example) -> None:
        began.append(example.id)
        await asyncio.sleep(60)

    async def block() -> None:
        with InProcessExecutor(lm=FunctionLM(upper), on_wrong=wrong.append) as executor:
            await executor.run_block(pipeline, INCUMBENT, examples(3))

    async def cancelled() -> None:
        task = asyncio.ensure_future(block())
        while len(began) < 3:
            await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())

    assert wrong == []


@pytest.mark.parametrize("asynchronous", [False, True])
def test_ctrl_c_in_a_run_ends_the_block(asynchronous: bool) -> None:
    """It is for the whole session, wherever it arrives."""

    def pipeline(_: Example) -> None:
        raise KeyboardInterrupt

    async def apipeline(_: Example) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SessionEnded, match="stopped by Ctrl-C"):
        run_block(apipeline if asynchronous else pipeline, 2)


def test_an_answer_without_its_fields_is_wrong() -> None:
    """The model answered, but not in the declared form: that is the prompt's fault."""
    both = Prompt(name="both", instruction="x", inputs=["q"], outputs=["team", "tone"])

    (run,) = run_block(lambda _: both(q="x"), 1)

    assert run.ending is Ending.WRONG
    assert run.problem.startswith("AnswerError: the answer has no field 'team'")


def test_a_skip_leaves_the_example_out() -> None:
    """The reason is kept."""

    def pipeline(_: Example) -> None:
        raise ExampleSkipped("not in Swiss German")

    (run,) = run_block(pipeline, 1)

    assert (run.ending, run.problem) == (Ending.SKIPPED, "not in Swiss German")


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_missing_answer_makes_the_run_missing(swallowed: bool) -> None:
    """Even if the pipeline catches the error and returns a fallback."""

    def pipeline(example: Example) -> str:
        if not swallowed:
            return shout(example)
        with suppress(LmoptError):
            return shout(example)
        return "fallback"

    (run,) = run_block(pipeline, 1, lm=FunctionLM(busy))

    assert (run.ending, run.problem, run.prediction) == (Ending.MISSING, "rate limit", None)
    assert [call.error for call in run.trace] == ["rate limit"]


def test_a_missing_answer_wins_over_what_the_pipeline_makes_of_it() -> None:
    """An assertion about the fallback says nothing about the prompt."""

    def pipeline(example: Example) -> None:
        with suppress(LmoptError):
            shout(example)
        raise AssertionError("nothing came")

    (run,) = run_block(pipeline, 1, lm=FunctionLM(busy))

    assert run.ending is Ending.MISSING


@pytest.mark.parametrize("swallowed", [False, True])
def test_an_exhausted_budget_ends_the_block(swallowed: bool) -> None:
    """A pipeline can't go on past it, whatever it catches."""
    ledger = Ledger([Account(Budget(calls=3), owner="suite")])

    def pipeline(example: Example) -> str:
        if not swallowed:
            return shout(example)
        with suppress(Exception):
            return shout(example)
        return "fallback"

    with pytest.raises(BudgetExhaustedError, match="the budget of suite"):
        run_block(pipeline, 10, lm=Metered(FunctionLM(upper), ledger))

    assert ledger.calls == 3


@pytest.mark.parametrize("swallowed", [False, True])
def test_bad_input_ends_the_block(swallowed: bool) -> None:
    """A prompt called wrongly is called wrongly for every example."""

    def pipeline(_: Example) -> str:
        if not swallowed:
            return SHOUT(text="x").text
        with suppress(InputError):
            return SHOUT(text="x").text
        return "fallback"

    with pytest.raises(PromptError, match="input 'word' is missing"):
        run_block(pipeline, 3)


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_lost_context_ends_the_block(swallowed: bool) -> None:
    """A thread that was started before, while several runs are under way, knows none of them."""
    both = threading.Barrier(2)

    def pipeline(example: Example) -> str:
        both.wait(5.0)
        try:
            return pool.apply(shout, (example,))
        except LostContextError:
            if swallowed:
                return "fallback"
            raise

    with ThreadPool(2) as pool, pytest.raises(LostContextError):
        run_block(pipeline, 2)


def test_threads_that_runs_start_need_no_carried_context() -> None:
    """Pools that live on, threads, and asyncio's own: each work belongs to the run that gave it."""
    with ThreadPoolExecutor(2) as pool:

        def pooled(example: Example) -> str:
            return pool.submit(shout, example).result()

        def threaded(example: Example) -> str:
            found: list[str] = []
            thread = threading.Thread(target=lambda: found.append(shout(example)))
            thread.start()
            thread.join()
            return found[0]

        async def looped(example: Example) -> str:
            return await asyncio.get_running_loop().run_in_executor(None, shout, example)

        for pipeline in (pooled, threaded, looped):
            runs = run_block(pipeline, 8)
            assert [run.prediction for run in runs] == [f"W{n}" for n in range(8)]
            assert [len(run.trace) for run in runs] == [1] * 8


def test_the_only_run_is_that_of_threads_that_know_none() -> None:
    """With one example at a time it is known whose prompts a queue's worker calls."""
    with ThreadPool(2) as pool:
        runs = run_block(lambda example: pool.apply(shout, (example,)), 3, concurrency=1)
    assert [len(run.trace) for run in runs] == [1, 1, 1]


def test_a_thread_that_outlives_its_run_serves_others() -> None:
    """A worker that the first run starts is taken for the run that is under way."""
    pools: list[ThreadPool] = []

    def pipeline(example: Example) -> str:
        if not pools:
            pools.append(ThreadPool(1))
        return pools[0].apply(shout, (example,))

    runs = run_block(pipeline, 3, concurrency=1)
    pools[0].terminate()
    assert [len(run.trace) for run in runs] == [1, 1, 1]


def test_an_early_end_cancels_the_other_runs() -> None:
    """Those under way are cancelled, and those that wait never start."""
    started: list[str] = []
    cancelled: list[str] = []

    async def pipeline(example: Example) -> None:
        started.append(example.id)
        if example.id == "e0":
            await settle()
            await SHOUT.acall(text="x")
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.append(example.id)
            raise

    with pytest.raises(PromptError):
        run_block(pipeline, 10, concurrency=4)

    assert started == ["e0", "e1", "e2", "e3"]
    assert cancelled == ["e1", "e2", "e3"]


def test_threads_that_wait_never_start_after_an_early_end() -> None:
    """What runs on a thread finishes; nothing new begins."""
    started: list[str] = []
    together = threading.Barrier(2)

    def pipeline(example: Example) -> None:
        started.append(example.id)
        together.wait(60)
        SHOUT(text="x")

    with pytest.raises(PromptError):
        run_block(pipeline, 20, concurrency=2)

    assert len(started) <= 4


def test_a_thread_left_over_from_a_block_that_ended_makes_no_more_calls() -> None:
    """A thread can't be cancelled, but what it asks after the end must not be paid for."""
    calls: list[str] = []
    begun, ended, finished = threading.Event(), threading.Event(), threading.Event()

    def answer(request: Request) -> str:
        calls.append(request.messages[-1].content)
        return "x"

    def pipeline(example: Example) -> None:
        if example.id == "e0":
            assert begun.wait(60)
            SHOUT(text="x")
        begun.set()
        ended.wait(60)
        try:
            shout(example)
        finally:
            finished.set()

    with pytest.raises(PromptError):
        run_block(pipeline, 2, lm=FunctionLM(answer), concurrency=2, patience=0.0)
    ended.set()
    assert finished.wait(60)

    assert calls == []


class HangingLM:
    """Never answers about w0, while a second goes by; answers at once about others."""

    def __init__(self, clock: ManualClock) -> None:
        self.cancelled: list[str] = []
        self._clock = clock

    async def answer(self, request: Request) -> str:
        """The answer, if any."""
        word = request.messages[-1].content
        if word == "w0":
            self._clock.advance(1.0)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled.append(word)
                raise
        return word.upper()


@pytest.mark.parametrize("pipeline", [shout, ashout, plain])
def test_a_run_that_takes_too_long_is_missing_and_its_calls_are_cancelled(
    pipeline: Pipeline,
) -> None:
    """The others are run all the same, even if there is one slot for all."""
    model = HangingLM(clock := ManualClock())

    first, *others = run_block(
        pipeline, 5, lm=FunctionLM(model.answer), concurrency=1, timeout=0.3, clock=clock
    )

    assert (first.ending, first.prediction) == (Ending.MISSING, None)
    assert first.problem == "the run took more than 0.3 s (--lm-example-timeout)"
    assert [run.prediction for run in others] == ["W1", "W2", "W3", "W4"]
    assert model.cancelled == ["w0"]


def test_a_thread_that_hangs_is_left_behind() -> None:
    """It holds up no other run, and asks nothing when it wakes up."""
    clock, both = ManualClock(), threading.Barrier(2)
    woken, asked = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def pipeline(example: Example) -> str:
        if example.id in ("e0", "e1"):
            if both.wait(60) == 0:
                clock.advance(1.0)
            woken.wait(60)
            try:
                shout(example)
            except BaseException as error:
                errors.append(error)
            asked.set()
        return shout(example)

    runs = run_block(pipeline, 8, concurrency=2, timeout=0.3, clock=clock, patience=0.0)
    woken.set()

    assert [run.ending for run in runs] == [Ending.MISSING] * 2 + [Ending.RETURNED] * 6
    assert asked.wait(60)
    assert errors


def test_a_thread_that_hangs_in_a_loop_is_told_apart() -> None:
    """A client that belongs to another thread's loop may never answer: what to do is said."""
    clock, woken = ManualClock(), threading.Event()

    async def wait() -> None:
        clock.advance(1.0)
        while not woken.is_set():
            await asyncio.sleep(0.01)

    (run,) = run_block(lambda _: asyncio.run(wait()), 1, timeout=0.3, clock=clock, patience=0.0)
    woken.set()

    assert run.ending is Ending.MISSING
    assert "(--lm-example-timeout); it waits in an event loop on its thread" in run.problem
    assert run.problem.endswith("make the test async, or set concurrency=1 in lm_suite")


def test_the_run_under_way_for_longest_is_known() -> None:
    """While it runs, and no longer."""
    found: list[tuple[str, float] | None] = []
    clock = ManualClock()

    async def block() -> None:
        with InProcessExecutor(lm=FunctionLM(upper), model="m", clock=clock) as executor:

            async def pipeline(example: Example) -> None:
                clock.advance(1.0)
                found.append(executor.longest)

            await executor.run_block(pipeline, INCUMBENT, examples(2))
            found.append(executor.longest)

    start = clock.now
    asyncio.run(block())
    assert found == [("e0", start), ("e1", start + 1.0), None]


@pytest.mark.parametrize("late", [False, True])
def test_a_pipeline_that_hides_its_time_out_is_missing_all_the_same(late: bool) -> None:
    """A fallback for a cancelled call is no prediction; a time-out of its own is its own matter."""

    clock = ManualClock()

    async def pipeline(_: Example) -> str:
        if not late:
            raise TimeoutError("mine")
        clock.advance(1.0)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "fallback"
        return "never"

    (run,) = run_block(pipeline, 1, timeout=0.1, clock=clock)

    assert run.ending is (Ending.MISSING if late else Ending.WRONG)
    assert run.prediction is None


def test_runs_within_their_time_are_as_ever() -> None:
    """A time-out costs nothing where nothing is late."""
    runs = run_block(shout, 20, timeout=60)

    assert [run.prediction for run in runs] == [f"W{n}" for n in range(20)]


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_pipeline_does_to_its_inputs_reaches_no_other_run(is_async: bool) -> None:
    """A chat history that each run appends to is as long for the next, and for the digest."""
    example = Example(id="e", inputs={"messages": ["hello"]}, expected=["hi"])
    before = example.digest

    def chat(example: Example) -> int:
        example.inputs["messages"].append("hi")
        return len(example.inputs["messages"])

    async def achat(example: Example) -> int:
        return chat(example)

    async def twice() -> list[object]:
        with InProcessExecutor(lm=FunctionLM(upper)) as executor:
            pipeline: Pipeline = achat if is_async else chat
            return [
                run.prediction
                for _ in range(2)
                for run in await executor.run_block(pipeline, INCUMBENT, [example])
            ]

    assert asyncio.run(twice()) == [2, 2]
    assert example.digest == before


def test_inputs_that_can_not_be_copied_are_shared() -> None:
    """As a lock, which a pipeline may be given on purpose."""
    lock = threading.Lock()

    async def run() -> object:
        with InProcessExecutor(lm=FunctionLM(upper)) as executor:
            example = Example(id="e", inputs={"lock": lock})
            (run,) = await executor.run_block(lambda e: e.inputs["lock"], INCUMBENT, [example])
            return run.prediction

    assert asyncio.run(run()) is lock
