"""The counters of the rate limit: in this process, or in a shared storage while that answers."""

import logging
import threading
import time
from collections.abc import Callable
from math import ceil
from typing import TypeVar

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickiti_query.model.request import RateLimitStatus

CLEANUP_SIZE = 1000  # with fewer counters than this, a search for ended ones is not worth its time


class FixedWindowStorage(Storage):
    """Counters by key, in windows that begin with a first count and end by the monotonic clock.

    The MemoryStorage of the limits library starts a thread every 10 ms, and its windows end by the wall clock: a minute
    lasts two hours when that clock is set back.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}  # the count, and the end on the clock
        self._cleanup_size = CLEANUP_SIZE
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """No exceptions: nothing here can fail."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the count of `key`, in a window of `expiry` seconds. Return the new count."""
        now = self._clock()
        with self._lock:
            count, end = self._windows.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
                self._remove_ended(now)
            self._windows[key] = (count + amount, end)
        return count + amount

    def _remove_ended(self, now: float) -> None:
        if len(self._windows) >= self._cleanup_size:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._cleanup_size = max(CLEANUP_SIZE, 2 * len(self._windows))

    def get(self, key: str) -> int:
        """Return the count of `key` in its current window."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """Return the end of the window of `key`, as seconds since the epoch; now, where there is no window."""
        now = self._clock()
        return time.time() + self._windows.get(key, (0, now))[1] - now

    def check(self) -> bool:
        """Return True: memory always answers."""
        return True

    def reset(self) -> int:
        """Remove all counters. Return how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows = {}
        return count

    def clear(self, key: str) -> None:
        """Remove the counter of `key`."""
        with self._lock:
            self._windows.pop(key, None)


ANSWER_SECONDS = 0.1  # how long a request may wait for the shared storage, to connect and for each answer
RETRY_SECONDS = 5.0  # how long a shared storage that failed is left alone

log = logging.getLogger("tickiti_query.rate_limit")

T = TypeVar("T")


class StorageFallback:
    """Counts in the shared storage, or in this process when there is none or when it does not answer.

    A shared storage that does not answer is left alone for RETRY_SECONDS. A rate limit is no rule of access, so no
    request fails or waits for it.
    """

    def __init__(
        self,
        shared: Storage | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        count_fault: Callable[[], None] = lambda: None,
    ) -> None:
        self._shared = None if shared is None else FixedWindowRateLimiter(shared)
        self._own = FixedWindowRateLimiter(FixedWindowStorage(clock))
        self._clock = clock
        self._count_fault = count_fault
        self._retry_at: float | None = None  # None while the shared storage answers

    def count(self, rate: RateLimitItem, *key: str) -> RateLimitStatus:
        """Count a request for the key. Return its status after that."""
        return self.run(
            lambda limiter: read_rate_limit_status(limiter, rate, *key, is_exceeded=not limiter.hit(rate, *key))
        )

    def read_exceeded(self, rate: RateLimitItem, *key: str) -> RateLimitStatus:
        """Return the status of a request that is over the limit of the key, without counting it."""
        return self.run(lambda limiter: read_rate_limit_status(limiter, rate, *key, is_exceeded=True))

    def hit(self, rate: RateLimitItem, *key: str) -> bool:
        """Count a request for the key. Return False where it is over the limit."""
        return self.run(lambda limiter: limiter.hit(rate, *key))

    def allows(self, rate: RateLimitItem, *key: str) -> bool:
        """Return True where the limit of the key is not used up."""
        return self.run(lambda limiter: limiter.test(rate, *key))

    def run(self, work: Callable[[FixedWindowRateLimiter], T]) -> T:
        """Return the result of `work` on the shared storage; on this process's own where that does not answer."""
        if self._shared is None or not self._may_try():
            return work(self._own)
        try:
            result = work(self._shared)
        except (StorageError, OSError) as fault:
            self._note_fault(fault)
            return work(self._own)
        self._retry_at = None
        return result

    def _may_try(self) -> bool:
        """Return True if the shared storage may be asked; after a fault, for one request every RETRY_SECONDS."""
        if self._retry_at is None:
            return True
        now = self._clock()
        if now < self._retry_at:
            return False
        self._retry_at = now + RETRY_SECONDS  # the other requests do not wait for this attempt
        return True

    def _note_fault(self, fault: Exception) -> None:
        self._retry_at = self._clock() + RETRY_SECONDS
        self._count_fault()
        log.warning(
            "the rate limit's store does not answer; each worker counts for itself",
            extra={"facts": {"fault": type(fault.__cause__ or fault).__name__}},
        )


def read_rate_limit_status(
    limiter: FixedWindowRateLimiter, rate: RateLimitItem, *key: str, is_exceeded: bool
) -> RateLimitStatus:
    """Return the status of the key for a request that is over the limit, or is not."""
    reset_time, remaining = limiter.get_window_stats(rate, *key)
    # At least one second: nobody is told to come back at once.
    seconds_left = max(1, ceil(reset_time - time.time()))
    return RateLimitStatus(rate.amount, 0 if is_exceeded else remaining, seconds_left, is_exceeded)


def open_shared_storage(url: str | None) -> Storage | None:
    """Return the Redis that workers share, or None without a URL. Nothing is connected yet."""
    if url is None:
        return None
    return RedisStorage(
        url,
        wrap_exceptions=True,
        key_prefix="tickiti_query",
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # handed on to the client as it is
    )
