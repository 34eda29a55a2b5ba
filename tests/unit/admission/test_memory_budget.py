"""The memory budget: what is under way counts until it is sent, and a large answer leaves room for small ones."""

import contextlib
from contextlib import ExitStack

import pytest

from tickiti_query.admission.memory_budget import SMALL_BYTES, MemoryBudget, Reservation
from tickiti_query.model.errors import Overloaded

MIB = 2**20
MAX = 64 * MIB


class Refusals:
    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1


def reserve(budget: MemoryBudget, caller: str, size: int) -> Reservation:
    reservation = Reservation(budget, caller)
    reservation.resize(size)
    return reservation


def is_refused(budget: MemoryBudget, caller: str, size: int) -> bool:
    try:
        reserve(budget, caller, size).release()
    except Overloaded:
        return True
    return False


def test_a_reservation_counts_as_long_as_its_block_runs() -> None:
    budget = MemoryBudget(MAX)
    with budget.reserve("ann") as reservation:
        reservation.resize(5 * MIB)
        assert budget.used_bytes == 5 * MIB
        reservation.resize(3 * MIB)
        assert budget.used_bytes == 3 * MIB
    assert budget.used_bytes == 0
    with contextlib.suppress(ZeroDivisionError), budget.reserve("ann") as reservation:
        reservation.resize(5 * MIB)
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
        each.release()
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
            reservation.resize(budget.largest_bytes + 1)
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
        held.resize(50 * MIB)
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
            stack.enter_context(budget.reserve(caller)).resize(16 * MIB)
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
