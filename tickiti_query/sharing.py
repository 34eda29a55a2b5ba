"""Work that threads share instead of doing it each: the reading that all wait for, and the flight that all join."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedReading(Generic[T]):
    """A reading of the world that those who wait for one share, as group commit does.

    A reading that *began* after a caller came is good for that caller; one that was under way already is not.
    """

    def __init__(self, read: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._turn = threading.Condition()
        self._begun = 0
        self._ended = 0
        self._is_reading = False
        self._outcome: tuple[T | None, Exception | None] = (None, None)
        self._began_at = float("-inf")

    def take(self, max_age_seconds: float = 0.0) -> T:
        """A reading that began after this call, or at most `max_age_seconds` before it.

        Raises what the reading raised.
        """
        with self._turn:
            # Without an age no clock is asked: two moments that look equal to it are still two.
            age = self._clock() - self._began_at if max_age_seconds > 0 else float("inf")
            if self._outcome[0] is not None and age <= max_age_seconds:
                return self._outcome[0]
            wanted = self._begun + 1
            while self._ended < wanted and self._is_reading:
                self._turn.wait()
            if self._ended >= wanted:
                return self._tell()
            self._is_reading = True
            self._begun += 1
            began_at = self._clock()
        return self._lead(began_at)

    def _lead(self, began_at: float) -> T:
        value: T | None = None
        fault: Exception | None = RuntimeError("the reading was broken off")
        try:
            value = self._read()
            fault = None
        except Exception as error:
            fault = error
        finally:  # also where the leader's thread is ended: those who wait must not wait for ever
            with self._turn:
                self._is_reading = False
                self._ended = self._begun
                self._outcome = (value, fault)
                self._began_at = began_at
                self._turn.notify_all()
        if fault is not None:
            raise fault
        assert value is not None  # noqa: S101  a reading is a value or a fault
        return value

    def _tell(self) -> T:
        value, fault = self._outcome
        if fault is not None:
            raise fault
        assert value is not None  # noqa: S101  a reading is a value or a fault
        return value


class Flights:
    """Equal questions asked at once are answered by one flight; its failure is everybody's, and is not kept.

    `waits` counts those who joined a flight of somebody else's; `tell` hears of each.
    """

    def __init__(self, wait_seconds: float, tell: Callable[[], None] = lambda: None) -> None:
        self.waits = 0
        self._tell = tell
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[Any]] = {}

    def join(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work` makes, here or where the same is under way already.

        Raises what `work` raised, and TimeoutError where somebody else's work takes longer than the limit.
        """
        with self._lock:
            flight = self._under_way.get(key)
            if flight is not None:
                self.waits += 1
                self._tell()
            else:
                ours: Future[Any] = Future()
                self._under_way[key] = ours
        if flight is not None:
            result: T = flight.result(self._wait_seconds)
            return result
        return self._fly(key, ours, work)

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
