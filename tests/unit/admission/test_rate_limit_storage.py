"""The counters of the rate limit: windows by the monotonic clock, and this process's own while the shared are away."""

import logging
import time

import pytest
from limits import RateLimitItemPerHour
from limits.errors import StorageError
from limits.strategies import FixedWindowRateLimiter

from tickiti_query.admission.rate_limit_storage import (
    CLEANUP_SIZE,
    RETRY_SECONDS,
    FixedWindowStorage,
    StorageFallback,
    read_rate_limit_status,
)
from tickiti_query.model.request import RateLimitStatus

RATE = RateLimitItemPerHour(2)


def test_windows_that_have_ended_begin_anew_and_are_forgotten() -> None:
    now = [1000.0]
    windows = FixedWindowStorage(lambda: now[0])
    assert [windows.incr("long", 10 * CLEANUP_SIZE), windows.incr("long", 10 * CLEANUP_SIZE)] == [1, 2]
    for number in range(3 * CLEANUP_SIZE):
        now[0] += 1
        windows.incr(f"short {number}", 10)
        assert len(windows) <= CLEANUP_SIZE
    assert windows.get("long") == 2
    now[0] = 1000.0 + 10 * CLEANUP_SIZE
    assert windows.get("long") == 0
    assert windows.incr("long", 5) == 1
    assert 4 < windows.get_expiry("long") - time.time() <= 5


def test_the_library_counts_a_window_from_its_first_request_to_its_end() -> None:
    now = [1000.0]
    limiter = FixedWindowRateLimiter(FixedWindowStorage(lambda: now[0]))
    assert limiter.get_window_stats(RATE, "a").remaining == 2
    for moment, is_allowed, remaining in (
        (1000.0, True, 1),
        (1001.0, True, 0),
        (4599.9, False, 0),
        (4600.0, True, 1),
    ):
        now[0] = moment
        assert limiter.test(RATE, "a") == is_allowed
        assert limiter.hit(RATE, "a") == is_allowed
        assert limiter.get_window_stats(RATE, "a").remaining == remaining
    assert limiter.hit(RATE, "b")
    assert 3599 < limiter.get_window_stats(RATE, "b").reset_time - time.time() <= 3600


def test_a_wall_clock_that_is_set_back_does_not_prolong_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    limiter = FixedWindowRateLimiter(FixedWindowStorage(lambda: now[0]))
    assert [limiter.hit(RATE, "a") for _ in range(3)] == [True, True, False]
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert limiter.get_window_stats(RATE, "a").reset_time == 3600.0
    now[0] += 3600
    assert limiter.hit(RATE, "a")


def test_counters_can_be_removed() -> None:
    windows = FixedWindowStorage()
    limiter = FixedWindowRateLimiter(windows)
    for key in ("a", "b", "c"):
        limiter.hit(RATE, key)
    limiter.clear(RATE, "a")
    assert [limiter.get_window_stats(RATE, key).remaining for key in ("a", "b")] == [2, 1]
    assert windows.check()
    assert (windows.reset(), len(windows)) == (2, 0)


MANY = RateLimitItemPerHour(10)


class SharedStorage(FixedWindowStorage):
    """A shared storage that can be away; it counts how often it was asked."""

    asked = 0
    is_away = False

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        self.asked += 1
        if self.is_away:
            raise StorageError(ConnectionError("no"))
        return super().incr(key, expiry, amount)


def count(windows: StorageFallback) -> int:
    """Count one request; return the count."""

    def work(limiter: FixedWindowRateLimiter) -> int:
        limiter.hit(MANY, "a")
        return MANY.amount - limiter.get_window_stats(MANY, "a").remaining

    return windows.run(work)


def test_without_a_shared_storage_a_worker_counts_for_itself() -> None:
    windows = StorageFallback()
    assert [count(windows) for _ in range(3)] == [1, 2, 3]


def test_without_its_store_a_worker_counts_for_itself_and_asks_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, now, faults = SharedStorage(), [100.0], [0]

    def count_fault() -> None:
        faults[0] += 1

    windows = StorageFallback(store, clock=lambda: now[0], count_fault=count_fault)
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


def test_without_a_window_the_whole_limit_remains_and_nobody_is_told_to_come_back_at_once() -> None:
    limiter = FixedWindowRateLimiter(FixedWindowStorage())
    status = read_rate_limit_status(limiter, RateLimitItemPerHour(5), "token", "b", is_exceeded=False)
    assert status == RateLimitStatus(limit=5, remaining=5, seconds_left=1, is_exceeded=False)
