"""The concurrency limiter: how many requests are admitted, how many read, how long one waits, and a caller's quota."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.support.running import wait_until
from tickiti_query.admission.concurrency_limit import ConcurrencyLimiter
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
