"""The bulkhead: how many may be inside and read, how long one waits, and what one caller may have of it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tickiti_query.admission.bulkhead import Bulkhead
from tickiti_query.model.errors import Overloaded

SECONDS = 10.0


def fill(bulkhead: Bulkhead, *callers: str) -> ExitStack:
    """Somebody reads for each of the callers, until the stack is closed."""
    stack = ExitStack()
    for who in callers:
        stack.enter_context(bulkhead.enter(who))
        stack.enter_context(bulkhead.place(who))
    return stack


@contextmanager
def refused_within(low: float, high: float) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(Overloaded) as refused:
        yield
    assert low <= time.monotonic() - began < high
    assert refused.value.headers == {"Retry-After": "1"}


def test_one_caller_has_half_of_the_places_and_the_rest_is_for_others() -> None:
    bulkhead = Bulkhead(4, wait_seconds=0.1)
    with fill(bulkhead, "heavy", "heavy"):
        with refused_within(0.1, 0.2), bulkhead.place("heavy"):
            pass
        with fill(bulkhead, "light", "other"), refused_within(0.1, 0.2), bulkhead.place("third"):
            pass
        with fill(bulkhead, "light", "light"):
            pass


def test_a_single_place_is_for_anybody() -> None:
    bulkhead = Bulkhead(1, wait_seconds=0.1)
    for who in ("a", "a", "b"):
        with fill(bulkhead, who):
            pass


def test_a_place_that_comes_free_goes_to_one_who_waits() -> None:
    bulkhead = Bulkhead(2, wait_seconds=SECONDS)
    got = threading.Event()

    def read() -> None:
        with bulkhead.place("c"):
            got.set()

    with ThreadPoolExecutor(1) as threads:
        with fill(bulkhead, "a", "b"):
            waiting = threads.submit(read)
            assert not got.wait(0.05)
        waiting.result(SECONDS)
    assert got.is_set()


def test_places_go_to_those_who_have_waited_longest() -> None:
    bulkhead = Bulkhead(1, wait_seconds=SECONDS)
    turns: list[int] = []

    def read(number: int) -> None:
        with bulkhead.place(number):
            turns.append(number)

    with ThreadPoolExecutor(8) as threads:
        with fill(bulkhead, "a"):
            waiting = []
            for number in range(8):
                waiting.append(threads.submit(read, number))
                time.sleep(0.01)
        for each in waiting:
            each.result(SECONDS)
    assert turns == list(range(8))


def test_one_caller_has_half_of_the_room_and_is_refused_at_once_beyond_it() -> None:
    bulkhead = Bulkhead(2, room=2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(bulkhead.enter("heavy"))
        with refused_within(0, 0.05), bulkhead.enter("heavy"):
            pass
        for who in ("light", "other"):
            stack.enter_context(bulkhead.enter(who))
        with refused_within(0, 0.05), bulkhead.enter("third"):
            pass
    with ExitStack() as stack:  # all have left
        for who in ("heavy", "heavy", "light", "other"):
            stack.enter_context(bulkhead.enter(who))


@pytest.mark.parametrize("what", [Bulkhead.enter, Bulkhead.place])
def test_a_fault_gives_everything_back(what: Callable[..., AbstractContextManager[None]]) -> None:
    bulkhead = Bulkhead(1, room=0, wait_seconds=0.1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), what(bulkhead, "a"):
            raise ZeroDivisionError


def test_every_refusal_is_told() -> None:
    told: list[str] = []
    bulkhead = Bulkhead(1, room=0, wait_seconds=0.01, tell_shed=lambda: told.append("shed"))
    with fill(bulkhead, "a"):
        for what in (bulkhead.enter, bulkhead.place):
            with pytest.raises(Overloaded), what("b"):
                pass
    assert told == ["shed", "shed"]
