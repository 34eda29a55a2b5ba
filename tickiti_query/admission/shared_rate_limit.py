"""The counters of the rate limit in a Redis that workers share, or in this process while that does not answer."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickiti_query.admission.rate_limit import FixedWindowStorage

ANSWER_SECONDS = 0.1  # how long a request may wait for the shared storage, to connect and for each answer
RETRY_SECONDS = 5.0  # how long a shared storage that failed is left alone

log = logging.getLogger("tickiti_query.rate_limit")

T = TypeVar("T")


class SharedStorage(FixedWindowStorage):
    """Counts in the shared storage, or in this process while that does not answer.

    A shared storage that does not answer is left alone for RETRY_SECONDS. A rate limit is no rule of access, so no
    request fails or waits for it. `count_fault` is called for each fault of the shared storage.
    """

    def __init__(
        self,
        shared: Storage,
        *,
        clock: Callable[[], float] = time.monotonic,
        count_fault: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(clock)
        self._shared = shared
        self._count_fault = count_fault
        self._retry_at: float | None = None  # None while the shared storage answers

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the count of `key`, in a window of `expiry` seconds. Return the new count."""
        count = self._ask(lambda: self._shared.incr(key, expiry, amount))
        return super().incr(key, expiry, amount) if count is None else count

    def get(self, key: str) -> int:
        """Return the count of `key` in its current window."""
        count = self._ask(lambda: self._shared.get(key))
        return super().get(key) if count is None else count

    def get_expiry(self, key: str) -> float:
        """Return the end of the window of `key`, as seconds since the epoch; now, where there is no window."""
        end = self._ask(lambda: self._shared.get_expiry(key))
        return super().get_expiry(key) if end is None else end

    def _ask(self, work: Callable[[], T]) -> T | None:
        """Return the shared storage's answer, or None; after a fault one request asks every RETRY_SECONDS."""
        if self._retry_at is not None:
            now = self._clock()
            if now < self._retry_at:
                return None
            self._retry_at = now + RETRY_SECONDS  # the other requests do not wait for this attempt
        try:
            answer = work()
        except (StorageError, OSError) as fault:
            self._retry_at = self._clock() + RETRY_SECONDS
            self._count_fault()
            log.warning(
                "the rate limit's store does not answer; each worker counts for itself",
                extra={"facts": {"fault": type(fault.__cause__ or fault).__name__}},
            )
            return None
        self._retry_at = None
        return answer


def open_redis(url: str) -> Storage:
    """Return the Redis at a URL. Nothing is connected yet."""
    return RedisStorage(
        url,
        wrap_exceptions=True,
        key_prefix="tickiti_query",
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # handed on to the client as it is
    )
