"""A worker's capacity: requests that read or wait, a caller's share, and bytes that count until they are sent."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import pytest

from tests.support.running import wait_until
from tickiti_query.admission.capacity import SMALL_BYTES, ConcurrencyLimiter, MemoryBudget, Reservation
from tickiti_query.model.errors import Overloaded
from tickiti_query.model.request import Deadline

SECONDS = 30.0
SOON = 10.0  # as against SECONDS, on a slow machine too
NO_DEADLINE = Deadline(math.inf, time.monotonic)

Section = Callable[[ConcurrencyLimiter, str], AbstractContextManager[None]]


def admit(limiter: ConcurrencyLimiter, caller: str) -> AbstractContextManager[None]:
    return limiter.admit(caller)


def hold_slot(limiter: ConcurrencyLimiter, caller: str) -> AbstractContextManager[None]:
    return limiter.slot(caller, NO_DEADLINE)


def fill(limiter: ConcurrencyLimiter, *callers: str) -> ExitStack:
    """Read for each of the callers, until the stack is closed."""
    stack = ExitStack()
    for caller in callers:
        stack.enter_context(admit(limiter, caller))
        stack.enter_context(hold_slot(limiter, caller))
    return stack


@contextmanager
def refused_within(low: float, high: float) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(Overloaded) as refused:
        yield
    assert low <= time.monotonic() - began < high
    assert refused.value.headers == {"Retry-After": "1"}


def test_one_caller_has_half_of_the_slots_and_the_rest_is_for_others() -> None:
    limiter = ConcurrencyLimiter(4, wait_seconds=0.1)
    with fill(limiter, "heavy", "heavy"):
        with refused_within(0.1, SOON), hold_slot(limiter, "heavy"):
            pass
        with fill(limiter, "light", "other"), refused_within(0.1, SOON), hold_slot(limiter, "third"):
            pass
        with fill(limiter, "light", "light"):
            pass


def test_a_single_slot_is_for_anybody() -> None:
    limiter = ConcurrencyLimiter(1, wait_seconds=0.1)
    for caller in ("a", "a", "b"):
        with fill(limiter, caller):
            pass


def test_a_slot_that_becomes_free_goes_to_a_request_that_waits() -> None:
    limiter = ConcurrencyLimiter(2, wait_seconds=SECONDS)
    got = threading.Event()

    def read() -> None:
        with hold_slot(limiter, "c"):
            got.set()

    with ThreadPoolExecutor(1) as threads:
        with fill(limiter, "a", "b"):
            waiting = threads.submit(read)
            wait_until(lambda: limiter.count_waiting() == 1)
            assert not got.is_set()
        waiting.result(SECONDS)
    assert got.is_set()
    assert limiter.count_waiting() == 0


def test_slots_go_to_the_requests_that_have_waited_longest() -> None:
    limiter = ConcurrencyLimiter(1, wait_seconds=SECONDS)
    turns: list[int] = []

    def read(number: int) -> None:
        with hold_slot(limiter, str(number)):
            turns.append(number)

    with ThreadPoolExecutor(8) as threads:
        with fill(limiter, "a"):
            waiting = []
            for number in range(8):
                waiting.append(threads.submit(read, number))
                wait_until(lambda: limiter.count_waiting() == len(waiting))
        for each in waiting:
            each.result(SECONDS)
    assert turns == list(range(8))


def test_one_caller_has_half_of_the_queue_and_is_refused_at_once_beyond_it() -> None:
    limiter = ConcurrencyLimiter(2, queue_size=2, wait_seconds=SECONDS)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(admit(limiter, "heavy"))
        with refused_within(0, SOON), admit(limiter, "heavy"):
            pass
        for caller in ("light", "other"):
            stack.enter_context(admit(limiter, caller))
        with refused_within(0, SOON), admit(limiter, "third"):
            pass
    with ExitStack() as stack:  # all have left
        for caller in ("heavy", "heavy", "light", "other"):
            stack.enter_context(admit(limiter, caller))


@pytest.mark.parametrize(("left", "low", "high"), [(0.1, 0.1, SOON), (0.0, 0, SOON), (-5.0, 0, SOON)])
def test_a_request_does_not_wait_for_a_slot_beyond_its_deadline(left: float, low: float, high: float) -> None:
    limiter = ConcurrencyLimiter(1, wait_seconds=SECONDS)
    deadline = Deadline(100.0 + left, lambda: 100.0)
    with fill(limiter, "a"), refused_within(low, high), limiter.slot("b", deadline):
        pass
    with limiter.slot("b", deadline):  # a free slot needs no waiting
        pass


@pytest.mark.parametrize("section", [admit, hold_slot])
def test_a_fault_gives_everything_back(section: Section) -> None:
    limiter = ConcurrencyLimiter(1, queue_size=0, wait_seconds=0.1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), section(limiter, "a"):
            raise ZeroDivisionError


def test_every_refusal_is_counted() -> None:
    counted: list[str] = []
    limiter = ConcurrencyLimiter(1, queue_size=0, wait_seconds=0.01, count_shed=lambda: counted.append("shed"))
    with fill(limiter, "a"):
        for section in (admit, hold_slot):
            with pytest.raises(Overloaded), section(limiter, "b"):
                pass
    assert counted == ["shed", "shed"]


MIB = 2**20
MAX = 64 * MIB


class Refusals:
    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1


def reserve(budget: MemoryBudget, caller: str, size: int) -> Reservation:
    reservation = Reservation(budget, caller)
    reservation.grow(size)
    return reservation


def is_refused(budget: MemoryBudget, caller: str, size: int) -> bool:
    try:
        reserve(budget, caller, size).close()
    except Overloaded:
        return True
    return False


def test_a_reservation_counts_as_long_as_its_block_runs() -> None:
    budget = MemoryBudget(MAX)
    with budget.reserve("ann") as reservation:
        reservation.grow(5 * MIB)
        assert budget.used_bytes == 5 * MIB
        reservation.expect(3 * MIB)
        assert budget.used_bytes == 3 * MIB
    assert budget.used_bytes == 0
    with suppress(ZeroDivisionError), budget.reserve("ann") as reservation:
        reservation.grow(5 * MIB)
        raise ZeroDivisionError
    assert budget.used_bytes == 0


def test_large_answers_leave_a_quarter_to_small_ones() -> None:
    budget = MemoryBudget(MAX)
    held = [reserve(budget, caller, 16 * MIB) for caller in ("ann", "bob", "eve")]
    assert is_refused(budget, "zoe", SMALL_BYTES + 1)
    small = [reserve(budget, f"caller {number}", SMALL_BYTES) for number in range(16 * MIB // SMALL_BYTES)]
    assert budget.used_bytes == MAX
    assert is_refused(budget, "zoe", 1)
    for each in (held[0], *small):
        each.close()
    assert not is_refused(budget, "zoe", 16 * MIB)


def test_one_caller_has_half_with_large_answers_and_the_rest_is_for_others() -> None:
    budget = MemoryBudget(MAX)
    held = [reserve(budget, "heavy", 8 * MIB) for _ in range(4)]
    assert is_refused(budget, "heavy", 8 * MIB)
    assert not is_refused(budget, "light", 8 * MIB)
    assert not is_refused(budget, "heavy", SMALL_BYTES)
    held += [reserve(budget, "heavy", SMALL_BYTES) for _ in range(8)]
    assert is_refused(budget, "heavy", SMALL_BYTES)
    assert not is_refused(budget, "light", SMALL_BYTES)


def test_one_answer_may_have_what_large_answers_may_have_together() -> None:
    budget = MemoryBudget(MAX)
    assert budget.largest_bytes == 48 * MIB
    assert not is_refused(budget, "ann", budget.largest_bytes)
    assert is_refused(budget, "ann", budget.largest_bytes + 1)
    with budget.reserve("ann") as reservation:
        reservation.expect(2**40)  # it may have become smaller since
        assert reservation.size == budget.largest_bytes
        with pytest.raises(Overloaded):
            reservation.grow(budget.largest_bytes + 1)
        assert reservation.size == budget.largest_bytes


def test_a_refusal_is_an_overload_that_is_counted_and_changes_nothing() -> None:
    refusals = Refusals()
    budget = MemoryBudget(MAX, refusals.add)
    held = reserve(budget, "ann", 40 * MIB)
    with pytest.raises(Overloaded) as refused:
        reserve(budget, "bob", 10 * MIB)
    assert refused.value.headers == {"Retry-After": "1"}
    assert (refused.value.status, refused.value.code) == (503, "overloaded")
    assert (refusals.count, budget.used_bytes) == (1, 40 * MIB)
    with pytest.raises(Overloaded):
        held.grow(50 * MIB)
    assert (refusals.count, held.size) == (2, 40 * MIB)


def test_a_body_counts_once_until_the_last_who_sends_it_is_done() -> None:
    budget, body = MemoryBudget(MAX), bytes(8 * MIB)
    holds = [budget.hold(caller, body, is_new=False) for caller in ("ann", "bob", "bob")]
    assert budget.used_bytes == len(body)
    for hold in holds:
        assert budget.used_bytes == len(body)
        hold.release()
        hold.release()  # a second time is none
    assert budget.used_bytes == 0


def test_equal_bodies_that_are_two_count_twice() -> None:
    budget = MemoryBudget(MAX)
    holds = [budget.hold("ann", bytes(bytearray(MIB)), is_new=False) for _ in range(2)]
    assert all(holds)
    assert budget.used_bytes == 2 * MIB


def test_a_body_out_of_the_cache_is_refused_where_there_is_no_room_and_a_new_one_is_not() -> None:
    budget, body = MemoryBudget(MAX), bytes(8 * MIB)
    with ExitStack() as stack:
        for caller in ("ann", "bob", "eve"):
            stack.enter_context(budget.reserve(caller)).grow(16 * MIB)
        with pytest.raises(Overloaded):
            budget.hold("zoe", body, is_new=False)
        new = budget.hold("zoe", body, is_new=True)
        assert budget.used_bytes == 56 * MIB
        again = budget.hold("zoe", body, is_new=False)  # it is there already
        assert budget.used_bytes == 56 * MIB
        assert new is not again
        del new, again
    assert budget.used_bytes == 0


def test_a_hold_that_nobody_releases_ends_with_its_request() -> None:
    budget = MemoryBudget(MAX)
    hold = budget.hold("ann", bytes(MIB), is_new=True)
    assert budget.used_bytes == MIB
    del hold
    assert budget.used_bytes == 0
