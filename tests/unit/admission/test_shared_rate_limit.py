"""The shared counters of the rate limit, and this process's own while those are away."""

import logging

import pytest
from limits import RateLimitItemPerHour
from limits.errors import StorageError
from limits.strategies import FixedWindowRateLimiter

from tickiti_query.admission.rate_limit import FixedWindowStorage
from tickiti_query.admission.shared_rate_limit import RETRY_SECONDS, SharedStorage

MANY = RateLimitItemPerHour(10)


class Redis(FixedWindowStorage):
    """A shared storage that can be away; it counts how often it was asked."""

    asked = 0
    is_away = False

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        self.asked += 1
        if self.is_away:
            raise StorageError(ConnectionError("no"))
        return super().incr(key, expiry, amount)


def count(windows: FixedWindowStorage) -> int:
    """Count one request; return the count."""
    limiter = FixedWindowRateLimiter(windows)
    limiter.hit(MANY, "a")
    return MANY.amount - limiter.get_window_stats(MANY, "a").remaining


def test_without_a_shared_storage_a_worker_counts_for_itself() -> None:
    windows = FixedWindowStorage()
    assert [count(windows) for _ in range(3)] == [1, 2, 3]


def test_without_its_store_a_worker_counts_for_itself_and_asks_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, now, faults = Redis(), [100.0], [0]

    def count_fault() -> None:
        faults[0] += 1

    windows = SharedStorage(store, clock=lambda: now[0], count_fault=count_fault)
    assert [count(windows) for _ in range(3)] == [1, 2, 3]
    store.is_away = True
    with caplog.at_level(logging.WARNING, "tickiti_query.rate_limit"):
        assert [count(windows) for _ in range(3)] == [1, 2, 3]
    assert (store.asked, faults, len(caplog.records)) == (4, [1], 1)
    now[0] += RETRY_SECONDS
    assert count(windows) == 4
    assert (store.asked, faults) == (5, [2])
    store.is_away = False
    assert count(windows) == 5
    now[0] += RETRY_SECONDS
    assert [count(windows) for _ in range(2)] == [4, 5]
    assert faults == [2]
