"""The memory budget of a worker: how many bytes of rows and answers may be under way at once."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from tickiti_query.model.errors import Overloaded

SMALL_BYTES = 2 * 1024 * 1024  # an answer up to this size is small while it is read, all that is held for it included
TOO_LARGE = "There is no room for so large an answer at the moment; please try again, or ask for fewer rows."


class Reservation:
    """Bytes of the budget that are held for one answer, for one caller. `size` is 0 at first and after `release`.

    `senders` is the number of requests that are sending the answer.
    """

    def __init__(self, budget: "MemoryBudget", caller: Hashable) -> None:
        self.caller = caller
        self.size = 0
        self.senders = 0
        self._budget = budget

    def resize(self, size: int) -> None:
        """Hold `size` bytes instead. Raises Overloaded where there is no room for as many more."""
        self._budget.resize(self, size)

    def expect(self, size: int) -> None:
        """Hold `size` bytes, or the most that one answer may have: perhaps it has become smaller. Raises Overloaded."""
        self._budget.resize(self, min(size, self._budget.largest_bytes))

    def release(self) -> None:
        """Hold nothing any more."""
        self._budget.resize(self, 0)


class Hold:
    """The part that one request has in a body that is being sent."""

    def __init__(self, budget: "MemoryBudget", body: bytes) -> None:
        self._budget = budget
        self._body: bytes | None = body

    def release(self) -> None:
        """Say that the body is sent, or that it will not be."""
        body, self._body = self._body, None
        if body is not None:
            self._budget.end_hold(body)

    __del__ = release  # bytes that nobody gives back would be missed for ever


class MemoryBudget:
    """Counts the bytes of answers under way: those that are read, rendered or sent, in all and for each caller.

    Small answers may have all of it. Larger ones may have three quarters, so that small ones go on. One caller may have
    half with larger answers, or one answer of any size, and three quarters in all. `count_refused` is called for each
    refusal. Safe for threads.
    """

    def __init__(self, max_bytes: int, count_refused: Callable[[], None] = lambda: None) -> None:
        self.used_bytes = 0
        self.largest_bytes = max_bytes * 3 // 4  # the most that one answer may ever have
        self._max = max_bytes
        self._count_refused = count_refused
        self._callers: Counter[Hashable] = Counter()
        self._sent: dict[int, Reservation] = {}  # by the id of the body: equal bodies may be two
        self._lock = threading.RLock()  # a Hold may end wherever the interpreter frees it

    @contextmanager
    def reserve(self, caller: Hashable) -> Iterator[Reservation]:
        """Yield a reservation of nothing yet, for the duration of the block."""
        reservation = Reservation(self, caller)
        try:
            yield reservation
        finally:
            reservation.release()

    def hold(self, caller: Hashable, body: bytes, *, is_new: bool) -> Hold:
        """Count a body until its hold is released.

        A body that several requests send counts once. Raises Overloaded where there is no room for a body out of the
        cache; one that `is_new` was counted until now.
        """
        with self._lock:
            reservation = self._sent.get(id(body)) or Reservation(self, caller)
            if not reservation.senders:
                self.resize(reservation, len(body), must=is_new)
                self._sent[id(body)] = reservation
            reservation.senders += 1
            return Hold(self, body)

    def end_hold(self, body: bytes) -> None:
        """Count one request less that sends a body."""
        with self._lock:
            reservation = self._sent[id(body)]
            reservation.senders -= 1
            if not reservation.senders:
                del self._sent[id(body)]
                reservation.release()

    def resize(self, reservation: Reservation, size: int, *, must: bool = False) -> None:
        """Give a reservation another size. Raises Overloaded where it grows beyond what is free, unless it `must`."""
        caller, growth = reservation.caller, size - reservation.size
        with self._lock:
            if growth > 0 and not must and not self._allows(caller, growth, size):
                self._count_refused()
                raise Overloaded(TOO_LARGE)
            self.used_bytes += growth
            self._callers[caller] += growth
            reservation.size = size
            if not self._callers[caller]:
                del self._callers[caller]

    def _allows(self, caller: Hashable, growth: int, size: int) -> bool:
        most, most_of_one = self.largest_bytes, self._max // 2
        if size <= SMALL_BYTES:
            most, most_of_one = self._max, self.largest_bytes
        own = self._callers[caller] + growth
        return self.used_bytes + growth <= most and (own == size or own <= most_of_one)
