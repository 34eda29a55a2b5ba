"""Work that threads share: nobody gets a reading older than their question, and nobody waits for ever."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tickiti_query.cache.sharing import Flights, SharedReading, Waiter

SECONDS = 5.0


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Gate:
    """A numbered reading that takes until it is let through."""

    def __init__(self) -> None:
        self.begun = 0
        self.fault: Exception | None = None
        self._passes = threading.Semaphore(0)

    def read(self) -> int:
        self.begun += 1
        number = self.begun
        assert self._passes.acquire(timeout=SECONDS)
        if self.fault is not None:
            raise self.fault
        return number

    def open(self) -> None:
        self._passes.release()


def count_waiting(reading: SharedReading[int]) -> int:
    return len(reading._waiting)


def test_a_reading_that_began_before_the_caller_came_is_not_used_and_the_next_is_shared() -> None:
    gate = Gate()
    reading: SharedReading[int] = SharedReading()
    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(reading.take, gate.read)
        wait_until(lambda: gate.begun == 1)
        late = [threads.submit(reading.take, gate.read) for _ in range(4)]
        wait_until(lambda: count_waiting(reading) == 4)
        gate.open()
        assert first.result(SECONDS) == 1
        wait_until(lambda: gate.begun == 2)
        assert not any(each.done() for each in late)
        gate.open()
        assert [each.result(SECONDS) for each in late] == [2] * 4
    assert gate.begun == 2


def test_a_caller_after_a_reading_reads_anew() -> None:
    gate = Gate()
    reading: SharedReading[int] = SharedReading()
    gate.open()
    gate.open()
    assert [reading.take(gate.read), reading.take(gate.read)] == [1, 2]


def test_the_failure_of_a_reading_is_everybodys_who_waited_for_it_and_is_not_kept() -> None:
    gate = Gate()
    gate.fault = LookupError("gone")
    reading: SharedReading[int] = SharedReading()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(reading.take, gate.read)
        wait_until(lambda: gate.begun == 1)
        late = [threads.submit(reading.take, gate.read) for _ in range(3)]
        wait_until(lambda: count_waiting(reading) == 3)
        gate.open()
        gate.open()
        for each in (first, *late):
            with pytest.raises(LookupError, match="gone"):
                each.result(SECONDS)
    assert gate.begun == 2
    gate.fault = None
    gate.open()
    assert reading.take(gate.read, max_age_seconds=60) == 3


def test_an_older_reading_will_do_for_those_who_say_how_old() -> None:
    now = [100.0]
    gate = Gate()
    reading: SharedReading[int] = SharedReading(clock=lambda: now[0])
    gate.open()
    gate.open()
    assert reading.take(gate.read, max_age_seconds=1) == 1
    now[0] = 101.0
    assert reading.take(gate.read, max_age_seconds=1) == 1
    now[0] = 101.5
    assert reading.take(gate.read, max_age_seconds=1) == 2


def test_a_reading_that_began_after_one_came_will_do_and_so_does_its_failure() -> None:
    now = [100.0]
    gate = Gate()
    reading: SharedReading[int] = SharedReading(clock=lambda: now[0])
    gate.open()
    assert reading.take(gate.read, came_at=90.0) == 1
    assert reading.take(gate.read, came_at=99.9) == 1
    gate.open()
    assert reading.take(gate.read, came_at=100.0) == 2
    now[0], gate.fault = 200.0, LookupError("gone")
    gate.open()
    for _ in range(3):
        with pytest.raises(LookupError, match="gone"):
            reading.take(gate.read, came_at=150.0)
    assert gate.begun == 3
    gate.fault = None
    gate.open()
    assert reading.take(gate.read, came_at=200.0) == 4


def test_many_threads_get_readings_that_began_after_they_asked() -> None:
    clock = [0]
    lock = threading.Lock()

    def tick() -> int:
        with lock:
            clock[0] += 1
            return clock[0]

    reading: SharedReading[int] = SharedReading()

    def ask() -> bool:
        asked = tick()
        return reading.take(tick) > asked

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: all(ask() for _ in range(200)), range(8)))


def test_equal_questions_at_once_are_one_flight() -> None:
    gate = Gate()
    flights = Flights(wait_seconds=SECONDS)
    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(flights.join, "key", gate.read)
        wait_until(lambda: gate.begun == 1)
        others = [threads.submit(flights.join, "key", gate.read) for _ in range(3)]
        another = threads.submit(flights.join, "another key", lambda: 99)
        assert another.result(SECONDS) == 99
        wait_until(lambda: flights.waits == 3)
        gate.open()
        assert [each.result(SECONDS) for each in (first, *others)] == [1] * 4


def test_a_flight_that_has_landed_is_over() -> None:
    flights = Flights(wait_seconds=SECONDS)
    assert [flights.join("key", lambda: 1), flights.join("key", lambda: 2)] == [1, 2]
    assert flights.waits == 0


def test_the_failure_of_a_flight_wakes_all_and_is_not_kept() -> None:
    gate = Gate()
    gate.fault = LookupError("gone")
    flights = Flights(wait_seconds=SECONDS)
    with ThreadPoolExecutor(4) as threads:
        passengers = [threads.submit(flights.join, "key", gate.read) for _ in range(4)]
        wait_until(lambda: flights.waits == 3)
        gate.open()
        for each in passengers:
            with pytest.raises(LookupError, match="gone"):
                each.result(SECONDS)
    assert gate.begun == 1
    assert flights.join("key", lambda: 2) == 2


@pytest.mark.parametrize("ask", [Flights.join, Flights.follow])
def test_waiting_for_somebody_elses_flight_has_a_limit(ask: Callable[..., int]) -> None:
    gate = Gate()
    flights = Flights(wait_seconds=0.05)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(ask, flights, "key", gate.read)
        wait_until(lambda: gate.begun == 1)
        with pytest.raises(TimeoutError):
            ask(flights, "key", gate.read)
        gate.open()
        assert first.result(SECONDS) == 1
    assert (flights._under_way, flights._turns) == ({}, {})


def test_where_nothing_is_proved_all_who_come_during_a_flight_are_on_the_next() -> None:
    gate = Gate()
    flights = Flights(wait_seconds=SECONDS)
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(flights.follow, "key", gate.read)
        wait_until(lambda: gate.begun == 1)
        late = [threads.submit(flights.follow, "key", gate.read) for _ in range(4)]
        wait_until(lambda: count_waiting(flights._turns["key"].reading) == 4)
        assert threads.submit(flights.follow, "another key", lambda: 99).result(SECONDS) == 99
        gate.open()
        assert first.result(SECONDS) == 1
        wait_until(lambda: gate.begun == 2)
        gate.open()
        assert [each.result(SECONDS) for each in late] == [2] * 4
    assert (flights.waits, flights._turns) == (3, {})
    gate.open()
    assert flights.follow("key", gate.read) == 3


def test_the_latest_flight_will_do_for_who_came_before_it_if_it_holds_still() -> None:
    gate = Gate()
    flights = Flights(wait_seconds=SECONDS)
    came_at = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(flights.follow, "key", gate.read)
        wait_until(lambda: gate.begun == 1)
        second = threads.submit(flights.follow, "key", gate.read)
        wait_until(lambda: count_waiting(flights._turns["key"].reading) == 1)
        gate.open()
        assert first.result(SECONDS) == 1
        wait_until(lambda: gate.begun == 2)  # it keeps what the first has brought
        assert flights.follow("key", gate.read, came_at) == 1
        late = threads.submit(flights.follow, "key", gate.read, came_at, lambda _result: False)
        wait_until(lambda: count_waiting(flights._turns["key"].reading) == 1)
        gate.open()
        gate.open()
        assert (second.result(SECONDS), late.result(SECONDS)) == (2, 3)
    assert (flights.waits, flights._turns) == (1, {})


def test_the_failure_of_a_flight_that_was_waited_for_is_not_kept_either() -> None:
    gate = Gate()
    flights = Flights(wait_seconds=SECONDS)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(flights.follow, "key", gate.read)
        wait_until(lambda: gate.begun == 1)
        late = [threads.submit(flights.follow, "key", gate.read) for _ in range(3)]
        wait_until(lambda: count_waiting(flights._turns["key"].reading) == 3)
        gate.open()
        assert first.result(SECONDS) == 1
        wait_until(lambda: gate.begun == 2)
        gate.fault = LookupError("gone")
        gate.open()
        for each in late:
            with pytest.raises(LookupError, match="gone"):
                each.result(SECONDS)
    assert (gate.begun, flights._turns) == (2, {})
    assert flights.follow("key", lambda: 3) == 3


def test_who_waits_for_a_reading_of_somebody_else_gives_up_in_time() -> None:
    gate = Gate()
    reading: SharedReading[int] = SharedReading(wait_seconds=0.05)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(reading.take, gate.read)
        wait_until(lambda: gate.begun == 1)
        with pytest.raises(TimeoutError):
            reading.take(gate.read)
        assert count_waiting(reading) == 0
        gate.open()
        assert first.result(SECONDS) == 1
    gate.open()
    assert reading.take(gate.read) == 2


def test_who_is_given_the_lead_while_giving_up_takes_it() -> None:
    reading: SharedReading[int] = SharedReading(wait_seconds=0.05)
    waiter = Waiter()
    waiter.leads = True
    reading._give_up(waiter)  # raises nothing
