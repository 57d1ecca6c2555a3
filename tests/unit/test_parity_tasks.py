"""The simulated tasks of benchmarks/strategies.py: their accuracy is what they say it is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import pytest
from parity.client import Client
from parity.examples import LABELLED, labelled
from parity.ours import Rival, run_ours, suite_of
from parity.proposer import Proposer
from parity.results import Result
from parity.server import Server
from parity.table import interval, table
from parity.tasks import TASKS, Task
from parity.world import World

Chat = list[dict[str, str]]


def chat(world: World, *sentences: int, question: str, step: int = 0) -> Chat:
    """A request of the form a pipeline makes, with some of the step's sentences."""
    task = world.task
    said = " ".join([task.roles[step], *(task.text(number, step) for number in sentences)])
    return [{"role": "system", "content": said}, {"role": "user", "content": question}]


def demos(world: World, items: list[int]) -> Chat:
    """Worked examples as a chat shows them."""
    return [
        message
        for item in items
        for message in (
            {"role": "user", "content": world.question(item)},
            {"role": "assistant", "content": world.right(item)},
        )
    ]


def final_answer(
    server: Server, item: int, sentences: Sequence[tuple[int, ...]], shown: Chat
) -> str:
    """What the pipeline says in the end of an item, under the same sentences at every call."""
    world = server.world
    text = world.question(item)
    for step in range(world.task.steps):
        request = chat(world, *sentences[step], question=text, step=step)
        (text,) = server.replies([*request[:1], *shown, *request[1:]])
    return text


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
@pytest.mark.parametrize("prompt", ["the incumbent's", "the best sentences", "demos"])
def test_the_share_of_right_answers_is_the_true_score(task: Task, prompt: str) -> None:
    """Over 1,000 items the mean score is the exact one, whatever the prompt holds."""
    world = World(task, seed=1)
    server = Server(world)
    rule = (-1,) if task.special else ()
    sentences = [
        (*list(effects)[:2], *rule) if prompt == "the best sentences" else ()
        for effects in world.effects
    ]
    shown = demos(world, [5, 6, 7]) if prompt == "demos" and task.steps == 1 else []
    scores = [
        world.score(item, final_answer(server, item, sentences, shown))
        for item in range(100, 1_100)
    ]
    assert server.counts.last is not None
    assert fmean(scores) == pytest.approx(server.counts.last.mean, abs=0.045)


def test_the_tasks_have_the_headroom_they_are_named_for() -> None:
    """Only tasks with headroom have a prompt that is better than the incumbent's."""
    for task in TASKS.values():
        gains = [gain for gain in task.gains if gain > 0]
        helps = bool(gains) or task.both > 0 or task.rule > 0 or task.demo > 0
        assert helps == task.headroom


def test_scores_of_two_prompts_go_together() -> None:
    """Items are hard or easy under every prompt, yet no two prompts agree on all."""
    world = World(TASKS["null"], seed=0)
    server = Server(world)
    one, two = (
        [final_answer(server, item, [sentences], []) == world.right(item) for item in range(2000)]
        for sentences in ((1,), (2,))
    )
    both = fmean(a and b for a, b in zip(one, two, strict=True))
    assert 0.40 < both < 0.55  # 0.36 if they had nothing in common, 0.6 if everything


def test_epistatic_steps_gain_only_together() -> None:
    """One step's sentence costs; both gain."""
    world = World(TASKS["two-step epistatic"], seed=2)
    server = Server(world)
    worth = {}
    for first in (False, True):
        for second in (False, True):
            sentences = [(world.keys[0],) if first else (), (world.keys[1],) if second else ()]
            final_answer(server, 5, sentences, [])
            assert server.counts.last is not None
            worth[first, second] = server.counts.last.mean
    assert worth[True, False] < worth[False, False] > worth[False, True]
    assert worth[True, True] == pytest.approx(worth[False, False] + 0.30)


def test_the_trap_knows_copied_answers_only() -> None:
    """Who is told an item's code gives it, and is worse on all others."""
    world = World(TASKS["overfit trap"], seed=0)
    server = Server(world)
    told = [f"Ticket {item} gets {world.right(item)}." for item in range(200, 230)]
    system = {"role": "system", "content": " ".join([world.task.roles[0], *told])}
    right = [
        server.replies([system, {"role": "user", "content": world.question(item)}])
        == [world.right(item)]
        for item in range(200, 230)
    ]
    assert fmean(right) > 0.85
    assert server.counts.last is not None
    assert server.counts.last.mean < world.task.base


@pytest.mark.parametrize("n", [1, 3])
def test_dspys_proposers_get_the_fields_they_ask_for(n: int) -> None:
    """In their markers; a list of scored attempts and failing runs are evidence."""
    world = World(TASKS["conditional rule"], seed=0)
    (special,) = [item for item in range(100) if world.special(item)][:1]
    asked = (
        "Respond with the corresponding output fields, starting with the field "
        "`[[ ## proposed_instruction ## ]]`, then `[[ ## proposed_prefix_for_output_field ## ]]`, "
        "and then ending with the marker for `[[ ## completed ## ]]`."
    )
    good, *_, bad = world.effects[0]
    attempts = "\n".join(
        f"[{i}] «Instruction #{i}: {world.task.roles[0]} {world.task.text(number, 0)}»\n"
        f"«Resulting Score #{i}: {score}»"
        for i, (number, score) in enumerate([(bad, 41.5), (good, 78.0)], start=1)
    )
    replies = Proposer(world).replies([{"role": "user", "content": f"{attempts}\n{asked}"}], n)
    assert len(set(replies)) == n
    for reply in replies:
        assert reply.startswith(f"[[ ## proposed_instruction ## ]]\n{world.task.roles[0]}")
        assert "[[ ## proposed_prefix_for_output_field ## ]]\nCode:" in reply
    evidence = Proposer(world).evidence(attempts, 0)
    assert evidence.scored == ((frozenset({bad}), 0.415), (frozenset({good}), 0.78))
    failure = (
        f"{world.question(special)} {world.wrong(special)} "
        f"{world.feedback(special, world.wrong(special))}"
    )
    assert Proposer(world).evidence(failure, 0).failures == (special,)


def test_evidence_makes_useful_sentences_likelier() -> None:
    """Of a hundred instructions more hold the best sentence if failing runs were shown."""
    world = World(TASKS["overfit trap"], seed=3)
    best = world.task.text(next(iter(world.effects[0])), 0)
    runs = "\n".join(
        f"{world.question(item)} {world.wrong(item)} {world.feedback(item, 'no')}"
        for item in range(8)
    )
    shares = []
    for shown in ("", runs):
        request = [{"role": "user", "content": f"```{world.task.roles[0]}``` {shown}"}]
        replies = Proposer(world).replies(request, 200)
        assert all(reply.startswith("```") for reply in replies)
        shares.append(fmean(best in reply for reply in replies))
    assert shares[1] > 1.8 * shares[0] > 0


def test_every_call_is_counted_and_answered_over_http() -> None:
    """One connection, many calls; usage and n as in OpenAI's protocol."""
    world = World(TASKS["null"], seed=0)
    with Server(world).running() as server:
        client = Client(server.port)
        for item in range(20):
            answer = client.chat(chat(world, question=world.question(item)))
            assert answer["choices"][0]["message"]["content"][:2] in ("C-", "W-")
        answer = client.chat([{"role": "user", "content": world.task.roles[0] + "é" * 70_000}], n=3)
        assert len(answer["choices"]) == 3
        assert answer["usage"]["total_tokens"] > 0
    assert (server.counts.calls, server.counts.proposer_calls) == (21, 1)


def test_ours_spends_no_call_more_than_the_rival_and_reports_both_ways() -> None:
    """A whole search on demos-only: the ledger's and the server's count agree on the limit."""
    rival = Rival(name="a peer", calls=700)
    significant, best = run_ours("bootstrap", "demos-only", 0, rival)
    assert significant.calls == best.calls <= 700
    assert (best.base, best.against, best.budget) == (0.45, "a peer", 700)
    assert best.true >= best.base
    assert best.adopted or not significant.adopted


def test_a_suite_is_made_of_the_labelled_examples() -> None:
    """Ours gets what the peers get, and splits it anew for every seed."""
    suite, other = (suite_of(World(TASKS["null"], seed=seed)) for seed in (4, 5))
    assert {example.id for example in suite.dataset} == {f"4/{item}" for item in labelled(4)}
    assert len(suite.dataset) == LABELLED
    assert len(suite.splits.dev) != len(other.splits.dev)


def test_the_table_tells_wins_losses_and_false_adoptions() -> None:
    """Two seeds: ours is 0.1 above its peer, who adopted what was worse."""

    def result(method: str, seed: int, true: float, **fields: object) -> Result:
        given = {
            "method": method, "task": "demos-only", "seed": seed, "base": 0.45, "true": true,
            "adopted": True, "reported": true + 0.05, "calls": 100, "proposer_calls": 0,
            "best": ((10, true),), "seconds": 1.0,
        }  # fmt: skip
        return Result(**{**given, **fields})  # type: ignore[arg-type]

    runs = [
        result(method, seed, true + seed / 10**5, **fields)
        for seed in (0, 1)
        for method, true, fields in (
            ("A", 0.44, {}),
            ("ours: x, best", 0.54, {"against": "A", "budget": 100, "calls": 90}),
            ("ours: x, significant", 0.45, {"against": "A", "budget": 100, "adopted": False}),
        )
    ]
    text = table(runs, "x")
    scores = "| demos-only | A | 2 | 0.450 | 0.440 | 0.450 | +0.010 [+0.010, +0.010] | 0.540 |"
    assert f"{scores} +0.100 [+0.100, +0.100] | 100 | 90 |" in text
    assert "| – (0/2) | 10 (2/2) | 2/2 | 0/2 | 0/2 | +0.050 | +0.050 | +0.050 |" in text
    assert "*best*: of 1 comparisons with headroom, above 1, undecided 0, below 0." in text
    adoptions = "ours 0/2, theirs 2/2; truly worse than the incumbent in 0 and 2 of them."
    assert f"False adoption over all tasks: {adoptions} Calls over budget at most: 0." in text


def test_intervals_over_seeds_are_students() -> None:
    """Against tabulated quantiles: 2.776 with 4 degrees of freedom, 2.045 with 29."""
    for n, quantile in ((5, 2.776), (30, 2.045)):
        values = [float(i % 2) for i in range(n)]
        low, mean, high = interval(values)
        spread = (sum((v - mean) ** 2 for v in values) / (n - 1) / n) ** 0.5
        assert (high - low) / 2 / spread == pytest.approx(quantile, rel=0.01)


def test_a_proposer_goes_on_from_what_is_to_be_rewritten_else_from_the_best() -> None:
    """A run's score is no instruction's; percent, points and shares are all understood."""
    world = World(TASKS["null"], seed=0)
    role, told = world.task.roles[0], [world.task.text(number, 0) for number in range(3)]
    scored = f"{role} {told[0]}\nScore: 0.40\n{role} {told[1]}\nGain: +60 points\n"
    run = f"Run 1\nInput: {world.question(7)}\nScore: 0.00\n"
    best = Proposer(world).evidence(scored + run, 0)
    assert best.scored == ((frozenset({0}), 0.4), (frozenset({1}), 0.6))
    assert best.start == frozenset({1})
    rewritten = Proposer(world).evidence(f"{role} {told[2]}\n{run}{scored}", 0)
    assert rewritten.scored == best.scored
    assert rewritten.start == frozenset({2})
