"""What all recordings must do, whatever they are kept in. Their test class inherits this."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from conformance.processes import OTHER, OWN, ended
from doubles.manual_clock import ManualClock

from pytest_lmopt import Completion
from pytest_lmopt.lm.recordings.protocol import Recordings
from pytest_lmopt.wire import Message, Refusal, Request, Usage, WholeCompletion

ASKED = Request(model="openai/m", messages=(Message("user", "hé"),), params={"max_tokens": 5})
KEY = ASKED.key
USAGE = Usage(calls=1, input_tokens=3, output_tokens=2, micro_usd=40)
ANSWER = Completion(text="HÉ", usage=USAGE)

RecordingsOf = Callable[[str], Recordings]


class RecordingsConformance:
    """Inherit, and give the fixtures ``recordings_of``, which opens the same recordings, empty at
    first, as the process with that token; ``clock``, which is theirs; and ``impatient``, which has
    those that close wait for no answer.
    """

    @pytest.fixture
    def recordings(self, recordings_of: RecordingsOf) -> Iterator[tuple[Recordings, Recordings]]:
        """What two processes have opened."""
        with closing(recordings_of(OWN)) as one, closing(recordings_of(OTHER)) as other:
            yield one, other

    def test_what_one_records_all_read(self, recordings: tuple[Recordings, Recordings]) -> None:
        """Marked as replayed, its price as saved. A repeat is another question."""
        one, other = recordings
        one.put(ASKED, ANSWER)
        replayed = replace(USAGE, replayed=1, saved_micro_usd=40)
        assert other.get(KEY) == one.get(KEY) == Completion(text="HÉ", usage=replayed)
        assert other.get(replace(ASKED, repeat=1).key) is None
        assert one.notice == other.notice == ""

    @pytest.mark.parametrize(
        "answer",
        [
            Completion(text="HÉ\n\x00😀", usage=USAGE),
            Completion(text="cut short \ud83d", usage=USAGE),
            Completion(text="", usage=replace(USAGE, micro_usd=None)),
            WholeCompletion(text="t", usage=USAGE, whole={"choices": [{"é": None}]}),
            Refusal(text="", usage=Usage(), problem="too long"),
        ],
    )
    def test_any_answer_outlives_the_process(
        self, recordings_of: RecordingsOf, answer: Completion
    ) -> None:
        """Whatever it says and whatever kind it is of: it was paid for."""
        odd = replace(ASKED, params={"stop": "\udfff"})
        with closing(recordings_of(OWN)) as before:
            before.put(odd, answer)
        with closing(recordings_of(OTHER)) as after:
            assert after.get(odd.key) == replace(answer, usage=answer.usage.as_replayed)

    def test_a_new_answer_replaces_the_old_one(
        self, recordings: tuple[Recordings, Recordings], clock: ManualClock
    ) -> None:
        """Who wants none from before a certain time gets only the new one."""
        one, other = recordings
        one.put(ASKED, ANSWER)
        clock.advance(0.01)
        since = clock.now
        assert other.get(KEY, since=since) is None
        one.put(ASKED, Completion(text="new", usage=USAGE))
        for found in (other.get(KEY, since=since), other.get(KEY)):
            assert found is not None
            assert found.text == "new"

    def test_what_was_used_at_a_place_is_noted(
        self, recordings: tuple[Recordings, Recordings]
    ) -> None:
        """Each key once, recorded or not; other places are not concerned."""
        one, other = recordings
        assert other.is_empty()
        one.note_places([("here", KEY), ("here", "another"), ("there", KEY)])
        other.note_places([("here", KEY)])
        assert sorted(other.keys_at("here")) == sorted([KEY, "another"])
        assert one.keys_at("there") == [KEY]
        assert one.keys_at("nowhere") == []
        assert other.is_empty()
        one.put(ASKED, ANSWER)
        assert not other.is_empty()

    def test_one_process_asks_at_a_time(self, recordings: tuple[Recordings, Recordings]) -> None:
        """Until it gives its claim up; other questions are not concerned."""
        one, other = recordings
        assert one.claim(KEY)
        assert one.claim(KEY)
        assert not other.claim(KEY)
        other.release(KEY)
        assert not other.claim(KEY)
        assert other.claim("another")
        other.release("another")
        one.release(KEY)
        assert other.claim(KEY)
        other.release(KEY)

    def test_a_claim_ends_with_the_answer(self, recordings: tuple[Recordings, Recordings]) -> None:
        """Whoever brings it."""
        one, other = recordings
        for asker in (one, other):
            assert asker.claim(KEY)
            one.put(ASKED, ANSWER)
            assert one.claim(KEY)
            one.release(KEY)
        other.release(KEY)

    def test_of_processes_that_claim_at_once_one_wins(
        self, recordings: tuple[Recordings, Recordings]
    ) -> None:
        """Every time."""
        won: list[list[str]] = [[], []]
        keys = [f"key {number}" for number in range(500)]
        start = threading.Barrier(2)

        def race(number: int) -> None:
            for key in keys:
                start.wait(20)
                if recordings[number].claim(key):
                    won[number].append(key)

        racers = [threading.Thread(target=race, args=(number,)) for number in range(2)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sorted(won[0] + won[1]) == sorted(keys)
        for mine, claimed in zip(recordings, won, strict=True):
            for key in claimed:
                mine.release(key)

    def test_a_claim_ends_with_its_process(self, recordings_of: RecordingsOf) -> None:
        """Nobody waits for an answer that will never come."""
        with closing(recordings_of(ended())) as gone, closing(recordings_of(OWN)) as one:
            assert gone.claim(KEY)
            assert one.claim(KEY)
            one.release(KEY)
            gone.release(KEY)

    def test_who_closes_waits_for_its_answers(self, recordings_of: RecordingsOf) -> None:
        """They are paid for."""
        leaving = recordings_of(OTHER)
        assert leaving.claim(KEY)
        arrival = threading.Timer(0.02, leaving.put, (ASKED, ANSWER))
        arrival.start()
        leaving.close()
        arrival.join()
        with closing(recordings_of(OWN)) as one:
            assert one.get(KEY) is not None

    @pytest.mark.usefixtures("impatient")
    def test_who_closes_gives_up_what_is_never_answered(self, recordings_of: RecordingsOf) -> None:
        """Or others would wait for as long as it lives."""
        leaving = recordings_of(OTHER)
        assert leaving.claim("never answered")
        leaving.close()
        with closing(recordings_of(OWN)) as one:
            assert one.claim("never answered")
            one.release("never answered")
