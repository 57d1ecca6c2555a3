"""What every queue must do, whatever it is kept in. A queue's test class inherits this."""

from __future__ import annotations

import pytest

from pytest_lmopt.blocks.queue import MOST_LOSSES, Part, Queue, Result, Standing


class QueueConformance:
    """Inherit, and give a fixture ``queues``: two views of one queue, as two processes have."""

    @pytest.fixture
    def queue(self, queues: tuple[Queue, Queue]) -> Queue:
        """One view of the queue."""
        return queues[0]

    def test_the_first_leads_and_the_others_help_until_it_has_finished(
        self, queues: tuple[Queue, Queue]
    ) -> None:
        """Whoever comes later has nothing to do; other suites are not concerned."""
        one, other = queues
        assert one.enter("suite", "w0") is Part.LEAD
        assert other.enter("suite", "w1") is Part.HELP
        assert one.enter("suite", "w0") is Part.LEAD
        assert other.standing("suite") == Standing("w0", finished=False)
        one.finish("suite", "w0")
        assert other.enter("suite", "w1") is Part.NOTHING
        assert other.standing("suite") == Standing("w0", finished=True)
        assert other.enter("another", "w1") is Part.LEAD
        assert one.standing("unknown") is None

    def test_only_its_leader_finishes_a_suite(self, queue: Queue) -> None:
        """A helper's end is not the suite's."""
        queue.enter("suite", "w0")
        queue.finish("suite", "w1")
        assert queue.enter("suite", "w1") is Part.HELP

    def test_jobs_are_taken_in_order_each_by_one(self, queues: tuple[Queue, Queue]) -> None:
        """And only those of the suite one works on."""
        one, other = queues
        numbers = one.publish("suite", ["a", "b"])
        one.publish("another", ["c"])
        assert other.take("suite", "w1") == (numbers[0], "a")
        assert one.take("suite", "w0") == (numbers[1], "b")
        assert other.take("suite", "w1") is None

    def test_the_last_jobs_can_be_left_to_others(self, queue: Queue) -> None:
        """Who is busy takes a further one only if there are more."""
        numbers = queue.publish("suite", ["a", "b"])
        assert queue.take("suite", "w1", leaving=2) is None
        assert queue.take("suite", "w1", leaving=1) == (numbers[0], "a")

    def test_a_settled_job_is_collected_once(self, queues: tuple[Queue, Queue]) -> None:
        """With its result, or None where only the leader can tell."""
        one, other = queues
        numbers = one.publish("suite", ["a", "b", "c"])
        for _ in range(3):
            other.take("suite", "w1")
        other.hand_in(numbers[0], "w1", "A")
        other.hand_in(numbers[2], "w1", None)
        assert one.collect(numbers) == {
            numbers[0]: Result("A", losses=0),
            numbers[2]: Result(None, losses=0),
        }
        assert one.collect(numbers) == {}

    def test_a_withdrawn_job_is_wanted_no_more(self, queues: tuple[Queue, Queue]) -> None:
        """Whoever works on it can stop; nothing is wanted of a suite that is finished or lost."""
        one, other = queues
        one.enter("suite", "w0")
        numbers = one.publish("suite", ["a", "b"])
        assert other.wanted("suite", numbers) == set(numbers)
        one.withdraw(numbers[:1])
        assert other.wanted("suite", numbers) == {numbers[1]}
        other.hand_in(numbers[0], "w1", "too late")
        assert one.collect(numbers) == {}
        one.lose("w0")
        assert other.wanted("suite", numbers) is None

    def test_a_number_is_never_given_twice(self, queues: tuple[Queue, Queue]) -> None:
        """Or what a helper makes of a withdrawn job would be taken for the result of another."""
        one, other = queues
        one.enter("suite", "w0")
        old = one.publish("suite", ["a", "b"])
        assert other.take("suite", "w1") == (old[0], "a")
        one.withdraw(old)
        new = one.publish("suite", ["c", "d"])
        assert not set(old) & set(new)
        assert other.wanted("suite", old) == set()
        other.hand_in(old[0], "w1", "A")
        assert one.collect([*old, *new]) == {}

    def test_only_who_holds_a_job_hands_it_in_and_once(self, queues: tuple[Queue, Queue]) -> None:
        """Not who was given up as lost, nor anybody before it is taken."""
        one, other = queues
        (number,) = one.publish("suite", ["a"])
        other.take("suite", "w1")
        one.lose("w1")
        other.hand_in(number, "w1", "of the lost")
        assert one.collect([number]) == {}
        assert one.take("suite", "w0") == (number, "a")
        other.hand_in(number, "w1", "of the lost")
        one.hand_in(number, "w0", "A")
        one.hand_in(number, "w0", "again")
        assert one.collect([number]) == {number: Result("A", losses=1)}

    def test_what_a_lost_worker_held_is_open_again(self, queues: tuple[Queue, Queue]) -> None:
        """What it had handed in stays; the loss is counted."""
        one, other = queues
        numbers = one.publish("suite", ["a", "b"])
        other.take("suite", "w1")
        other.take("suite", "w1")
        other.hand_in(numbers[0], "w1", "A")
        one.lose("w1")
        assert one.take("suite", "w0") == (numbers[1], "b")
        one.hand_in(numbers[1], "w0", "B")
        assert one.collect(numbers) == {
            numbers[0]: Result("A", losses=0),
            numbers[1]: Result("B", losses=1),
        }

    def test_a_job_that_workers_are_lost_with_is_given_up(self, queue: Queue) -> None:
        """Or it would cost one worker after the other."""
        (number,) = queue.publish("suite", ["poison"])
        for _ in range(MOST_LOSSES):
            assert queue.collect([number]) == {}
            assert queue.take("suite", "w1") == (number, "poison")
            queue.lose("w1")
        assert queue.collect([number]) == {number: Result(None, losses=MOST_LOSSES)}

    def test_who_comes_after_a_lost_leader_leads_without_its_jobs(self, queue: Queue) -> None:
        """It begins again; after three losses only to say so."""
        queue.enter("suite", "w0")
        queue.publish("suite", ["a"])
        for number in range(MOST_LOSSES):
            queue.lose(f"w{number}")
            lost_too_many = number + 1 == MOST_LOSSES
            expected = Part.GIVE_UP if lost_too_many else Part.LEAD
            assert queue.enter("suite", f"w{number + 1}") is expected
            assert queue.take("suite", "w9") is None

    def test_what_a_lost_leader_was_at_work_on_is_told(self, queue: Queue) -> None:
        """Not what it had offered, nor what others had taken, or it had finished."""
        queue.enter("suite", "w0")
        numbers = queue.publish("suite", ["done", "theirs", "mine", "offered"])
        for worker in ("w0", "w1", "w0"):
            queue.take("suite", worker)
        queue.withdraw(numbers[:1])
        queue.lose("w0")
        assert queue.standing("suite") == Standing(None, finished=False, left=("mine",))
