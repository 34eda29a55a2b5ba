"""A shared storage for counters, and this process's own storage while the shared one does not answer."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickiti_query.admission.fixed_windows import FixedWindowStorage

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
