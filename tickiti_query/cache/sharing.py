"""Work that threads share instead of doing it each: the reading that all wait for, and the flight that all join."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")
Outcome: TypeAlias = tuple[T | None, Exception | None]  # a value, or what was raised in its place


class Waiter:
    """One who waits for a reading: until it is there, or until it is theirs to make."""

    __slots__ = ("gate", "leads", "outcome")

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.leads = False
        self.outcome: Any = None


class SharedReading(Generic[T]):
    """A reading of the world that those who wait for one share, as group commit does.

    A reading that *began* after a caller came is good for that caller; one that was under way already is not. Who
    came long before asking here may find one made. Each who waits is woken once: with the reading, or, the first of
    those who came too late for it, to make the next.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, wait_seconds: float = 60.0) -> None:
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._waiting: list[Waiter] = []
        self._is_reading = False
        self._latest: Outcome[T] = (None, None)
        self._began_at = float("-inf")

    def take(
        self,
        read: Callable[[], T],
        max_age_seconds: float = 0.0,
        came_at: float | None = None,
        holds: Callable[[T], bool] = lambda _reading: True,
    ) -> T:
        """A reading that began after this call, or at most `max_age_seconds` before it; `read` makes one.

        `came_at`: when the caller came, on the clock; a reading that began after that will do, if it `holds` still.
        Raises what the reading raised, and TimeoutError where somebody else's takes longer than the limit.
        """
        with self._lock:
            if self._will_do(max_age_seconds, came_at, holds):
                return tell(self._latest)
            waiter = Waiter() if self._is_reading else None
            if waiter is None:
                self._is_reading = True
            else:
                self._waiting.append(waiter)
        if waiter is not None and not waiter.gate.wait(self._wait_seconds):
            self._give_up(waiter)
        outcome: Outcome[T] = self._lead(read) if waiter is None or waiter.leads else waiter.outcome
        return tell(outcome)

    def _give_up(self, waiter: Waiter) -> None:
        """TimeoutError, unless the reading has become the waiter's own to make this very moment."""
        with self._lock:
            if waiter.leads:
                return
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        raise TimeoutError

    def _will_do(self, max_age_seconds: float, came_at: float | None, holds: Callable[[T], bool]) -> bool:
        value, _ = self._latest
        # Two moments that look equal to a clock are still two.
        if came_at is not None and self._began_at > came_at:
            return value is None or holds(value)
        return max_age_seconds > 0 and value is not None and self._clock() - self._began_at <= max_age_seconds

    def _lead(self, read: Callable[[], T]) -> Outcome[T]:
        """Read, for this thread and for all who wait by now; then give the lead on."""
        time.sleep(0)  # requests that have come by now join before the reading begins
        with self._lock:
            crew, self._waiting = self._waiting, []
            began_at = self._clock()
        outcome: Outcome[T] = (None, RuntimeError("the reading was broken off"))
        try:
            outcome = (read(), None)
        except Exception as fault:
            outcome = (None, fault)
        finally:  # also where the leader's thread is ended: those who wait must not wait for ever
            with self._lock:
                self._latest, self._began_at = outcome, began_at
                following = self._waiting.pop(0) if self._waiting else None
                self._is_reading = following is not None
                if following is not None:
                    following.leads = True
            for waiter in crew:
                waiter.outcome = outcome
                waiter.gate.set()
            if following is not None:
                following.gate.set()
        return outcome


def tell(outcome: Outcome[T]) -> T:
    """The value of an outcome; raises its fault."""
    value, fault = outcome
    if fault is not None:
        raise fault
    assert value is not None  # noqa: S101  a reading is a value or a fault
    return value


class Turns:
    """The flights of one question, one after the other, and how many there are to be on one of them."""

    __slots__ = ("members", "reading")

    def __init__(self, wait_seconds: float) -> None:
        self.members = 0
        self.reading: SharedReading[Any] = SharedReading(wait_seconds=wait_seconds)


class Flights:
    """Equal questions asked at once are answered by one flight; its failure is everybody's, and is not kept.

    `waits` counts those who were answered by a flight of somebody else's; `tell` hears of each.
    """

    def __init__(self, wait_seconds: float, tell: Callable[[], None] = lambda: None) -> None:
        self.waits = 0
        self._tell = tell
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[Any]] = {}
        self._turns: dict[Hashable, Turns] = {}

    def follow(
        self,
        key: Hashable,
        work: Callable[[], T],
        came_at: float | None = None,
        holds: Callable[[T], bool] = lambda _result: True,
    ) -> T:
        """What `work` makes in a flight that has begun after this call, whoever's: one is under way at a time.

        `came_at`: when the caller came, on the monotonic clock; the latest flight will do if it began after that, and
        what it has brought `holds` still. Raises what the flight raised, and TimeoutError where others' take longer
        than the limit.
        """
        is_ours = False

        def lead() -> T:
            nonlocal is_ours
            is_ours = True
            return work()

        with self._lock:
            turns = self._turns.get(key)
            if turns is None:
                turns = self._turns[key] = Turns(self._wait_seconds)
            turns.members += 1
        try:
            result: T = turns.reading.take(lead, came_at=came_at, holds=holds)
            return result
        finally:
            with self._lock:
                turns.members -= 1
                if not turns.members:
                    del self._turns[key]
                if not is_ours:
                    self._count()

    def join(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work` makes, here or where the same is under way already: the key proves that it will do.

        Raises what `work` raised, and TimeoutError where somebody else's work takes longer than the limit.
        """
        with self._lock:
            flight = self._under_way.get(key)
            if flight is not None:
                self._count()
            else:
                ours: Future[Any] = Future()
                self._under_way[key] = ours
        if flight is not None:
            result: T = flight.result(self._wait_seconds)
            return result
        return self._fly(key, ours, work)

    def _count(self) -> None:
        self.waits += 1
        self._tell()

    def _fly(self, key: Hashable, flight: Future[Any], work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException as fault:
            self._land(key)
            flight.set_exception(fault)
            raise
        self._land(key)
        flight.set_result(result)
        return result

    def _land(self, key: Hashable) -> None:
        with self._lock:
            del self._under_way[key]
