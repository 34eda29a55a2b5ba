"""The capacity of a worker: how many requests may read the replica or wait for it, how many bytes may be under way."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from tickiti_query.model.errors import Overloaded
from tickiti_query.model.request import Deadline

WAIT_SECONDS = 1.0  # how long a request may wait for a slot
QUEUE_SIZE = 64  # how many requests may wait, for a slot or for another caller's equal request
SMALL_BYTES = 2 * 1024 * 1024  # an answer up to this size is small while it is read, all that is held for it included
TOO_LARGE = "There is no room for so large an answer at the moment; please try again, or ask for fewer rows."


class CallerQuota:
    """A count of at most `size`, of which one caller may have half."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._quota = max(1, size // 2)
        self._count = 0
        self._counts: Counter[Hashable] = Counter()

    def add(self, caller: Hashable) -> bool:
        """Count one more for the caller. Return False, and count nothing, where it may have no more."""
        if self._count >= self._size or self._counts[caller] >= self._quota:
            return False
        self._count += 1
        self._counts[caller] += 1
        return True

    def remove(self, caller: Hashable) -> None:
        """Count one less for the caller."""
        self._count -= 1
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]


class ConcurrencyLimiter:
    """Limits the requests that need the replica, in all and for each caller.

    At most `slots` requests read the replica at once. At most `queue_size` more are admitted; they wait. One caller has
    at most half of the slots, and is at most half of all that are admitted. `count_shed` is called for each refusal.
    """

    def __init__(
        self,
        slots: int,
        *,
        queue_size: int = QUEUE_SIZE,
        wait_seconds: float = WAIT_SECONDS,
        count_shed: Callable[[], None] = lambda: None,
    ) -> None:
        self._admitted = CallerQuota(slots + queue_size)
        self._reading = CallerQuota(slots)
        self._wait_seconds = wait_seconds
        self._count_shed = count_shed
        self._lock = threading.Lock()
        # The callers that wait for a slot, the longest wait first; the event is set when a slot is given.
        self._queue: dict[threading.Event, Hashable] = {}

    def count_waiting(self) -> int:
        """Return the number of requests that wait for a slot."""
        return len(self._queue)

    @contextmanager
    def admit(self, caller: Hashable) -> Iterator[None]:
        """Admit the caller for the duration of the block. Raises Overloaded immediately when the queue is full."""
        with self._lock:
            if not self._admitted.add(caller):
                self._refuse()
        try:
            yield
        finally:
            with self._lock:
                self._admitted.remove(caller)

    @contextmanager
    def slot(self, caller: Hashable, deadline: Deadline) -> Iterator[None]:
        """Hold one of the slots for reading the replica for the duration of the block.

        A request waits in turn until a slot is free, at most `wait_seconds` and not beyond the deadline. Raises
        Overloaded when no slot became free in that time.
        """
        self._acquire(caller, deadline)
        try:
            yield
        finally:
            with self._lock:
                self._reading.remove(caller)
                self._give_slot()

    def _acquire(self, caller: Hashable, deadline: Deadline) -> None:
        with self._lock:
            if self._reading.add(caller):
                return
            has_slot = threading.Event()
            self._queue[has_slot] = caller
        if has_slot.wait(min(self._wait_seconds, deadline.remaining_seconds)):
            return
        with self._lock:
            if has_slot in self._queue:  # otherwise a slot was given after the wait had ended
                del self._queue[has_slot]
                self._refuse()

    def _give_slot(self) -> None:
        """Give the slot that has become free to the request that has waited longest and whose caller may have one."""
        for has_slot, caller in self._queue.items():
            if self._reading.add(caller):
                del self._queue[has_slot]
                has_slot.set()
                return  # one slot has become free, so one request goes on

    def _refuse(self) -> None:
        self._count_shed()
        raise Overloaded


class Reservation:
    """Bytes of the budget that are held for one answer, for one caller. `size` is 0 at first and after `close`.

    `senders` is the number of requests that are sending the answer.
    """

    def __init__(self, budget: "MemoryBudget", caller: Hashable) -> None:
        self.caller = caller
        self.size = 0
        self.senders = 0
        self._budget = budget

    def grow(self, size: int) -> None:
        """Hold `size` bytes at least. Raises Overloaded where there is no room for as many more."""
        if size > self.size:
            self._budget.resize(self, size)

    def expect(self, size: int) -> None:
        """Hold `size` bytes instead, a guess, or at most what one answer may ever have. Raises Overloaded."""
        self._budget.resize(self, min(size, self._budget.largest_bytes))

    def close(self) -> None:
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

    __del__ = release  # or bytes of a reply that was dropped would count for ever


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

    def reserve(self, caller: Hashable) -> AbstractContextManager[Reservation]:
        """Return a reservation of nothing yet, for the duration of a block."""
        return closing(Reservation(self, caller))

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
                reservation.close()

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
