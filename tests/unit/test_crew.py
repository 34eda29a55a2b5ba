"""Threads take up requests one after the other, and not all at once."""

import threading
import time
from typing import Any

import pytest

from tests.faults.fault import wait_until
from tickiti_query.admission.bulkhead import Bulkhead
from tickiti_query.front.crew import STUCK_SECONDS, Crew


class Desk:
    """Serves what comes as long as it is told to, and notes who was served when."""

    def __init__(self) -> None:
        self.served: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self.go_on = threading.Event()
        self.bulkhead = Bulkhead(places=2)

    def serve(self, request: Any) -> None:
        number, what = request
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if what == "stuck":
            self.go_on.wait(5)
        if what == "reads":
            with self.bulkhead.enter(number):
                self.go_on.wait(5)
        if what == "asks":
            with self.bulkhead.enter("one"), self.bulkhead.place("one"):
                time.sleep(STUCK_SECONDS / 10)
        if what == "fails":
            raise RuntimeError
        self.served.append(number)
        self.at_once -= 1


@pytest.fixture
def desk() -> Desk:
    return Desk()


def hire(desk: Desk, threads: int = 4, queue_seconds: float = 5.0) -> Crew:
    crew = Crew(desk.serve, threads, queue_seconds)
    crew.follow(desk.bulkhead)
    return crew


def test_one_runs_and_takes_up_the_next_in_turn(desk: Desk) -> None:
    crew = hire(desk)
    for number in range(200):
        crew.enter((number, "quick"))
    wait_until(lambda: len(desk.served) == 200, 5, "all are served")
    assert desk.served == list(range(200))
    assert desk.most_at_once == 1


@pytest.mark.parametrize("what", ["stuck", "reads"])
def test_who_waits_does_not_hold_up_the_rest(desk: Desk, what: str) -> None:
    crew = hire(desk)
    crew.enter((1, what))
    crew.enter((2, "quick"))
    time.sleep(2 * STUCK_SECONDS)
    crew.list_late(time.monotonic())  # as the worker's loop does every so often
    wait_until(lambda: desk.served == [2], 5, "the second is served")
    desk.go_on.set()
    wait_until(lambda: desk.served == [2, 1], 5, "the first is served")


def test_who_would_only_wait_for_a_place_is_taken_up_when_it_is_free(desk: Desk) -> None:
    """The first tells how long reading takes; from then on one follows the other, and nobody waits inside."""
    desk.bulkhead = Bulkhead(places=2)  # one of them for one caller
    crew = hire(desk)
    crew.enter((0, "asks"))
    wait_until(lambda: desk.served == [0], 5, "the first is served")
    desk.most_at_once = 0
    for number in range(1, 20):
        crew.enter((number, "asks"))
    wait_until(lambda: len(desk.served) == 20, 5, "all are served")
    assert desk.served == list(range(20))
    assert desk.most_at_once == 1


def test_no_more_are_stuck_than_there_are_threads(desk: Desk) -> None:
    crew = hire(desk, threads=2, queue_seconds=0.2)
    for number in range(4):
        crew.enter((number, "stuck"))
        time.sleep(2 * STUCK_SECONDS)
    crew.list_late(time.monotonic())
    wait_until(lambda: desk.at_once == 2, 5, "two are stuck")
    assert len(crew) == 2
    time.sleep(0.2)
    assert crew.list_late(time.monotonic()) == [(2, "stuck"), (3, "stuck")]
    assert not crew
    desk.go_on.set()
    wait_until(lambda: sorted(desk.served) == [0, 1], 5, "those two are served")


def test_a_thread_outlives_what_fails(desk: Desk) -> None:
    crew = hire(desk, threads=1)
    for number in range(4):
        crew.enter((number, "fails" if number % 2 else "quick"))
    wait_until(lambda: desk.served == [0, 2], 5, "the others are served")
    assert not crew


def test_one_connection_asks_again_before_its_thread_is_done(desk: Desk) -> None:
    """The thread was stuck, and another one has the connection's next request already."""
    crew = hire(desk)
    crew.enter((1, "stuck"))
    wait_until(lambda: desk.at_once == 1, 5, "the first is stuck")
    time.sleep(2 * STUCK_SECONDS)
    crew.enter((1, "stuck"))
    wait_until(lambda: desk.at_once == 2, 5, "so is the second")
    desk.go_on.set()
    wait_until(lambda: desk.served == [1, 1], 5, "both are served")
    wait_until(lambda: crew._idle == crew._started, 5, "all threads are free")
    assert (crew._busy, crew._running) == (0, {})


def test_where_no_thread_can_be_started_the_next_free_one_serves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = hire(desk)
    crew.enter((1, "stuck"))
    wait_until(lambda: desk.at_once == 1, 5, "the first is stuck")
    time.sleep(2 * STUCK_SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_to_start)
        crew.enter((2, "quick"))
    desk.go_on.set()
    wait_until(lambda: desk.served == [1, 2], 5, "the same thread serves both")
    crew.enter((3, "quick"))
    wait_until(lambda: desk.served == [1, 2, 3], 5, "and goes on")
    assert crew._started == 1


def refuse_to_start(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_threads_end_with_the_crew(desk: Desk) -> None:
    crew = hire(desk)
    before = threading.active_count()
    crew.enter((1, "quick"))
    wait_until(lambda: desk.served == [1], 5, "it is served")
    crew.shutdown()
    wait_until(lambda: threading.active_count() <= before, 5, "the thread has ended")
