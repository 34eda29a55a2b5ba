"""Fixed windows by the monotonic clock, as the limits library counts over them."""

import time

import pytest
from limits import RateLimitItemPerHour
from limits.strategies import FixedWindowRateLimiter

from tickiti_query.admission.fixed_windows import CLEANUP_SIZE, FixedWindowStorage

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
