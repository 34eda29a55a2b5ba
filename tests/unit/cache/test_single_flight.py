"""Single flight: nobody gets a result of work that began too early, and nobody waits for ever."""

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tickiti_query.cache.single_flight import ALWAYS, SingleFlight
from tickiti_query.model.request import Deadline

SECONDS = 60.0


class Work:
    """Numbered work that takes until it is let through."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.begun = 0
        self._begins = threading.Semaphore(0)
        self._passes = threading.Semaphore(0)

    def run(self) -> int:
        self.begun += 1
        number = self.begun
        self._begins.release()
        assert self._passes.acquire(timeout=SECONDS)
        if self.failure is not None:
            raise self.failure
        return number

    def wait_begun(self) -> None:
        assert self._begins.acquire(timeout=SECONDS)

    def pass_one(self) -> None:
        self._passes.release()


class Callers:
    """Callers of one single flight, each in a thread of its own. The clock moves with each call of `tick`."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.now = 100.0
        self.shared = 0
        self.flight = SingleFlight(lambda: self.now, self._count)
        self._threads = threads
        self._waits = threading.Semaphore(0)

    def _count(self) -> None:
        self.shared += 1

    def tick(self) -> None:
        self.now += 1.0

    def _look_at_clock(self) -> float:
        self._waits.release()  # a caller asks for the rest of its time just before it waits
        return time.monotonic()

    def ask(
        self,
        work: Callable[[], int],
        *,
        key: str = "key",
        since: float | None = None,
        clock: Callable[[], float] | None = None,
    ) -> "Future[int]":
        deadline = Deadline(time.monotonic() + SECONDS, clock or self._look_at_clock)
        since = self.now if since is None else since
        return self._threads.submit(self.flight.share, key, work, since=since, deadline=deadline)

    def wait_waiting(self, callers: int) -> None:
        for _ in range(callers):
            assert self._waits.acquire(timeout=SECONDS)


@pytest.fixture
def callers() -> "Callers":
    return Callers(ThreadPoolExecutor(8))


def test_equal_callers_share_a_run_that_began_after_they_came(callers: Callers) -> None:
    work, came_at = Work(), callers.now
    callers.tick()
    first = callers.ask(work.run)
    work.wait_begun()
    others = [callers.ask(work.run, since=came_at) for _ in range(3)]
    callers.wait_waiting(3)
    assert callers.ask(lambda: 99, key="another key").result(SECONDS) == 99
    work.pass_one()
    assert [each.result(SECONDS) for each in (first, *others)] == [1] * 4
    assert (work.begun, callers.shared) == (1, 3)


def test_callers_for_whom_a_run_began_too_early_share_the_next(callers: Callers) -> None:
    work = Work()
    first = callers.ask(work.run)
    work.wait_begun()
    callers.tick()
    late = [callers.ask(work.run) for _ in range(4)]
    callers.wait_waiting(4)
    callers.tick()
    work.pass_one()
    assert first.result(SECONDS) == 1
    work.wait_begun()
    assert not any(each.done() for each in late)
    work.pass_one()
    assert [each.result(SECONDS) for each in late] == [2] * 4
    assert (work.begun, callers.shared) == (2, 3)


def test_callers_do_not_give_up_with_the_one_that_was_to_lead_them(callers: Callers) -> None:
    work, is_leader, is_late = Work(), threading.Event(), threading.Event()

    def look_at_clock() -> float:
        is_leader.set()
        assert is_late.wait(SECONDS)
        return float("inf")

    first = callers.ask(work.run)
    work.wait_begun()
    callers.tick()
    impatient = callers.ask(work.run, clock=look_at_clock)
    assert is_leader.wait(SECONDS)
    patient = callers.ask(work.run)
    callers.wait_waiting(1)
    is_late.set()
    with pytest.raises(TimeoutError):
        impatient.result(SECONDS)
    callers.wait_waiting(1)  # the patient one leads now, and waits for the first
    callers.tick()
    work.pass_one()
    work.pass_one()
    assert (first.result(SECONDS), patient.result(SECONDS), work.begun) == (1, 2, 2)


def test_moments_that_look_equal_may_be_in_either_order(callers: Callers) -> None:
    work = Work()
    first = callers.ask(work.run)
    work.wait_begun()
    late = callers.ask(work.run)  # at the very time at which the run began
    callers.wait_waiting(1)
    callers.tick()
    work.pass_one()
    work.pass_one()
    assert (first.result(SECONDS), late.result(SECONDS)) == (1, 2)


def test_a_caller_for_whom_any_run_is_good_joins_the_one_under_way(callers: Callers) -> None:
    work = Work()
    first = callers.ask(work.run, since=ALWAYS)
    work.wait_begun()
    callers.tick()
    second = callers.ask(work.run, since=ALWAYS)
    callers.wait_waiting(1)
    work.pass_one()
    assert (first.result(SECONDS), second.result(SECONDS), work.begun) == (1, 1, 1)


def test_a_run_that_has_ended_is_not_kept(callers: Callers) -> None:
    came_at = callers.now
    callers.tick()
    assert callers.ask(lambda: 1, since=came_at).result(SECONDS) == 1
    assert callers.ask(lambda: 2, since=came_at).result(SECONDS) == 2
    assert callers.shared == 0


def test_the_failure_of_a_run_is_raised_to_all_who_share_it_and_is_not_kept(callers: Callers) -> None:
    work = Work()
    work.failure = LookupError("gone")
    everybody = [callers.ask(work.run, since=ALWAYS) for _ in range(4)]
    callers.wait_waiting(3)
    work.pass_one()
    for each in everybody:
        with pytest.raises(LookupError, match="gone"):
            each.result(SECONDS)
    assert work.begun == 1
    assert callers.ask(lambda: 2).result(SECONDS) == 2


def test_a_leader_that_is_killed_leaves_nobody_waiting(callers: Callers) -> None:
    class KilledError(BaseException):
        pass

    work = Work()

    def be_killed() -> int:
        work.run()
        raise KilledError

    first = callers.ask(be_killed, since=ALWAYS)
    work.wait_begun()
    second = callers.ask(be_killed, since=ALWAYS)
    callers.wait_waiting(1)
    work.pass_one()
    with pytest.raises(KilledError):
        first.result(SECONDS)
    with pytest.raises(RuntimeError, match="broken off"):
        second.result(SECONDS)
    assert callers.ask(lambda: 3).result(SECONDS) == 3


def test_waiting_for_the_run_of_another_caller_ends_with_the_deadline(callers: Callers) -> None:
    work = Work()
    first = callers.ask(work.run)
    work.wait_begun()
    for since in (ALWAYS, callers.now):
        with pytest.raises(TimeoutError):
            callers.flight.share("key", work.run, since=since, deadline=Deadline(0.0, time.monotonic))
    work.pass_one()
    assert (first.result(SECONDS), work.begun) == (1, 1)


def test_many_threads_get_results_of_work_that_began_after_they_asked() -> None:
    clock = [0]
    lock = threading.Lock()

    def tick() -> int:
        with lock:
            clock[0] += 1
            return clock[0]

    flight = SingleFlight(tick)
    deadline = Deadline(time.monotonic() + 60, time.monotonic)

    def ask() -> bool:
        asked = tick()
        return flight.share("key", tick, since=asked, deadline=deadline) > asked

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: all(ask() for _ in range(200)), range(8)))


def test_a_failure_keeps_nothing_of_the_work_that_failed() -> None:
    """The frames of a failure hold what the work has read; they must go with it, and not when garbage is collected."""

    class Read:
        """Something that was read."""

    seen: list[weakref.ref[Read]] = []

    def work() -> None:
        read = Read()
        seen.append(weakref.ref(read))
        raise ZeroDivisionError

    flight = SingleFlight()
    gc.disable()
    try:
        with contextlib.suppress(ZeroDivisionError):
            flight.share("key", work, since=ALWAYS, deadline=Deadline(SECONDS, lambda: 0.0))
        assert seen[0]() is None
    finally:
        gc.enable()
