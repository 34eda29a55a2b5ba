"""The rate limiter's rules, and the counters of this process: windows by the monotonic clock."""

import time

import pytest
from limits import RateLimitItemPerHour
from limits.strategies import FixedWindowRateLimiter

from tickiti_query.admission.rate_limit import CLEANUP_SIZE, FixedWindowStorage, RateLimiter, normalize_address
from tickiti_query.model.request import RateLimitStatus

RATE = RateLimitItemPerHour(2)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "no address"),
        ("unix", "no address"),
    ],
)
def test_failures_are_counted_for_an_address_or_a_subscribers_network(address: str, network: str) -> None:
    assert normalize_address(address) == network


def check(limiter: RateLimiter, token: str) -> RateLimitStatus:
    status = limiter.check(token, "203.0.113.9")
    assert status is not None
    return status


def test_a_token_that_was_revoked_is_unknown_again() -> None:
    limiter = RateLimiter("1/hour", FixedWindowStorage(lambda: 100.0))
    limiter.remember_valid_token("a")
    for _ in range(2):
        limiter.count_failure("b", "203.0.113.9")
    assert not check(limiter, "a").is_exceeded
    limiter.count_failure("a", "203.0.113.9")
    assert not check(limiter, "c").is_exceeded  # this second's unknown one
    assert check(limiter, "a").is_exceeded


def test_of_an_address_that_fails_too_often_one_unknown_token_a_second_is_looked_up() -> None:
    now, limited = [100.0], list[str]()
    limiter = RateLimiter("1/hour", FixedWindowStorage(lambda: now[0]), limited.append)
    limiter.count_failure("a", "203.0.113.9")
    exceeded = []
    for moment, token in ((100.0, "b"), (100.9, "c"), (101.0, "d"), (101.9, "e")):
        now[0] = moment
        exceeded.append(check(limiter, token).is_exceeded)
    assert exceeded == [False, True, False, True]
    assert limited == ["address", "address"]
    limiter.remember_valid_token("c")
    assert not check(limiter, "c").is_exceeded


def test_a_status_tells_what_remains_and_a_request_over_the_limit_has_nothing_left() -> None:
    limiter = RateLimiter("2/hour", FixedWindowStorage())
    limiter.remember_valid_token("a")
    assert [check(limiter, "a") for _ in range(4)] == [
        RateLimitStatus(limit=2, remaining=1, seconds_left=3600, is_exceeded=False),
        RateLimitStatus(limit=2, remaining=0, seconds_left=3600, is_exceeded=False),
        RateLimitStatus(limit=2, remaining=0, seconds_left=3600, is_exceeded=True),
        RateLimitStatus(limit=2, remaining=0, seconds_left=3600, is_exceeded=True),
    ]


def test_where_the_window_has_just_ended_the_whole_limit_remains_and_nobody_is_told_to_come_back_at_once() -> None:
    moments = iter([100.0, 3700.0, 3700.0])  # the request is counted at the first, and its status read at the others
    limiter = RateLimiter("5/hour", FixedWindowStorage(lambda: next(moments)))
    limiter.remember_valid_token("b")
    assert check(limiter, "b") == RateLimitStatus(limit=5, remaining=5, seconds_left=1, is_exceeded=False)


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
