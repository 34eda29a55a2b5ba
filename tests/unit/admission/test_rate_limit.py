"""The rate limiter's rules, over counters in this process."""

import pytest

from tickiti_query.admission.rate_limit import RateLimiter, normalize_address
from tickiti_query.admission.rate_limit_storage import StorageFallback
from tickiti_query.model.request import RateLimitStatus


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


def check(limiter: RateLimiter, token: str | None) -> RateLimitStatus:
    status = limiter.check(token, "203.0.113.9")
    assert status is not None
    return status


def test_a_token_that_was_revoked_is_unknown_again() -> None:
    limiter = RateLimiter("1/hour", StorageFallback(clock=lambda: 100.0))
    limiter.remember_valid_token("a")
    for _ in range(2):
        limiter.count_failure("b", "203.0.113.9")
    assert not check(limiter, "a").is_exceeded
    limiter.count_failure("a", "203.0.113.9")
    assert not check(limiter, "c").is_exceeded  # this second's unknown one
    assert check(limiter, "a").is_exceeded


def test_of_an_address_that_fails_too_often_one_unknown_token_a_second_is_looked_up() -> None:
    now, limited = [100.0], list[str]()
    limiter = RateLimiter("1/hour", StorageFallback(clock=lambda: now[0]), limited.append)
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
    limiter = RateLimiter("2/hour", StorageFallback())
    limiter.remember_valid_token("a")
    assert [check(limiter, "a") for _ in range(4)] == [
        RateLimitStatus(limit=2, remaining=1, seconds_left=3600, is_exceeded=False),
        RateLimitStatus(limit=2, remaining=0, seconds_left=3600, is_exceeded=False),
        RateLimitStatus(limit=2, remaining=0, seconds_left=3600, is_exceeded=True),
        RateLimitStatus(limit=2, remaining=0, seconds_left=3600, is_exceeded=True),
    ]
