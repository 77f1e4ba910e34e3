"""The queue groups what waits, refuses what does not fit, and drops nothing."""

from __future__ import annotations

import threading

import pytest

from outlay_streams.runtime.errors import Busy, Stopped
from outlay_streams.runtime.queue import IntakeQueue, QueueLimits
from tests.support.events import Decoded, decoded, event


def batch(events: int) -> Decoded:
    return decoded([event(id=f"e{n}") for n in range(events)])


def put(queue: IntakeQueue, *sizes: int) -> None:
    for size in sizes:
        queue.put("acme", batch(size), retry_after=2)


def taken(queue: IntakeQueue) -> list[int]:
    return [job.events for job in queue.take()]


def test_everything_that_waits_is_taken_at_once_up_to_a_group() -> None:
    queue = IntakeQueue(QueueLimits(group_events=10))
    put(queue, 3, 3, 3, 3)
    assert (queue.events, queue.nbytes > 0) == (12, True)
    assert taken(queue) == [3, 3, 3]
    assert taken(queue) == [3]
    assert (queue.events, queue.nbytes) == (0, 0)


def test_a_batch_larger_than_a_group_is_taken_alone() -> None:
    queue = IntakeQueue(QueueLimits(group_events=10))
    put(queue, 11, 1)
    assert taken(queue) == [11]
    assert taken(queue) == [1]


def test_past_its_bound_the_queue_is_busy_and_keeps_what_it_has() -> None:
    queue = IntakeQueue(QueueLimits(events=5, group_events=3))
    put(queue, 3, 2)
    with pytest.raises(Busy, match="retry after 2 s") as busy:
        put(queue, 1)
    assert busy.value.retry_after == 2
    assert taken(queue) == [3]
    put(queue, 3)
    assert taken(queue) == [2]


def test_bytes_are_bounded_too() -> None:
    queue = IntakeQueue(QueueLimits(nbytes=batch(3).usage.nbytes))
    put(queue, 1)
    with pytest.raises(Busy):
        put(queue, 3)


def test_an_empty_queue_takes_a_batch_of_any_size() -> None:
    queue = IntakeQueue(QueueLimits(events=1, nbytes=1))
    put(queue, 3)
    assert taken(queue) == [3]


def test_a_closed_queue_hands_out_the_rest_and_takes_nothing() -> None:
    queue = IntakeQueue(QueueLimits(group_events=1, linger=60))
    put(queue, 1, 1)
    queue.close()
    with pytest.raises(Stopped, match="send the same events again"):
        put(queue, 1)
    assert [taken(queue), taken(queue), taken(queue)] == [[1], [1], []]


def test_a_full_group_does_not_linger() -> None:
    queue = IntakeQueue(QueueLimits(group_events=4, linger=3600))
    groups: list[list[int]] = []
    taker = threading.Thread(target=lambda: groups.append(taken(queue)))
    put(queue, 2)
    taker.start()
    put(queue, 2)
    taker.join(30)
    assert groups == [[2, 2]]


def test_closing_wakes_a_waiting_taker() -> None:
    queue = IntakeQueue(QueueLimits())
    groups: list[list[int]] = []
    taker = threading.Thread(target=lambda: groups.append(taken(queue)))
    taker.start()
    queue.close()
    taker.join(30)
    assert groups == [[]]


def test_what_waits_can_be_removed() -> None:
    queue = IntakeQueue(QueueLimits())
    put(queue, 1, 2)
    assert [job.events for job in queue.clear()] == [1, 2]
    assert (queue.events, queue.nbytes) == (0, 0)
