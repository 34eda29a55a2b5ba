"""Sanctum's rules against the rows of a real standby, and where a caller comes from."""

import hashlib
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

import app as composition
from demo.pair import Pair
from tests.support.shop import BLUNT, PRIYA, Shop, open_shop

MISSING, INACTIVE = 7777, 38

# columns of the token, the header as a template, the answer
CASES: list[tuple[dict[str, Any], str, int]] = [
    ({}, "{id}|{secret}", 200),
    ({}, "{secret}", 200),
    ({}, "000{id}|{secret}", 200),
    ({}, "{id}|{secret}x", 401),
    ({}, "1|{secret}", 401),
    ({}, "{id}|", 401),
    ({}, "{id}", 401),
    ({}, "x{id}|{secret}", 401),
    ({}, "|{secret}", 401),
    ({}, "{id}|{digest}", 401),
    ({}, "{digest}", 401),
    ({}, "9223372036854775808|{secret}", 401),
    ({"token": hashlib.sha256(b"").hexdigest()}, "{id}|", 401),
    ({"tokenable_id": MISSING}, "{id}|{secret}", 401),
    ({"tokenable_id": INACTIVE}, "{id}|{secret}", 401),
    ({"expires_at": "2001-01-01"}, "{id}|{secret}", 401),
    ({"expires_at": "2001-01-01", "abilities": "[]"}, "{id}|{secret}", 401),
    ({"expires_at": "2199-01-01"}, "{id}|{secret}", 200),
    ({"expires_at": "infinity"}, "{id}|{secret}", 200),
    ({"expires_at": "20000-01-01", "created_at": "20000-01-01"}, "{id}|{secret}", 200),
    ({"created_at": None}, "{id}|{secret}", 200),
    ({"abilities": '["tickets:write"]'}, "{id}|{secret}", 200),
    ({"abilities": '["*"]'}, "{id}|{secret}", 200),
    ({"abilities": '["ticket-index"]'}, "{id}|{secret}", 403),
    ({"abilities": '["tickets:readx"]'}, "{id}|{secret}", 403),
    ({"abilities": None}, "{id}|{secret}", 403),
    ({"abilities": ""}, "{id}|{secret}", 403),
    ({"abilities": '"*"'}, "{id}|{secret}", 403),
    ({"abilities": '{"0": "*"}'}, "{id}|{secret}", 403),
    ({"abilities": "*"}, "{id}|{secret}", 403),
    ({"allowed_ip": "203.0.113.9"}, "{id}|{secret}", 200),
    ({"allowed_ip": "10.0.0.0/8, 203.0.113.0/24"}, "{id}|{secret}", 200),
    ({"allowed_ip": "203.0.113.10"}, "{id}|{secret}", 403),
    ({"allowed_ip": ""}, "{id}|{secret}", 403),
    ({"allowed_ip": "203.0.113.9, everywhere"}, "{id}|{secret}", 403),
]


@pytest.mark.parametrize(("columns", "header", "status"), CASES)
def test_a_token_is_let_in_or_not(shop: Shop, columns: dict[str, Any], header: str, status: int) -> None:
    with shop.add_token(**columns) as (number, secret):
        digest = hashlib.sha256(secret.encode()).hexdigest()
        token = header.format(id=number, secret=secret, digest=digest)
        answers = [shop.ask(token, {"row_limit": 1}) for _ in "12"]
    assert [answer.status_code for answer in answers] == [status] * 2
    if status == 401:
        assert answers[0].data == shop.ask("nonsense").data
        assert answers[0].headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_token_is_gone_from_the_next_answer(shop: Shop) -> None:
    with shop.add_token() as (number, secret):
        token = f"{number}|{secret}"
        assert [shop.ask(token).status_code for _ in "12"] == [200, 200]
    assert shop.ask(token).status_code == 401


class Clock:
    """The service's clock for the times of tokens; `ahead` is how far it is from the true time."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(composition, "datetime", clock)
    return clock


def test_a_token_that_is_cached_still_expires(shop_pair: Pair, clock: Clock) -> None:
    shop = open_shop(shop_pair)
    [(soon,)] = shop.pair.primary.execute("SELECT now() AT TIME ZONE 'UTC' + interval '1 hour'")
    with shop.add_token(expires_at=soon) as (_, secret):
        shop.ask(secret)
        clock.ahead = timedelta(minutes=59)
        assert "hit" in shop.ask(secret).headers["Cache-Status"]
        clock.ahead = timedelta(minutes=61)
        assert shop.ask(secret).status_code == 401


def test_a_token_that_expires_while_it_is_cached_is_a_failure_of_its_address(shop_pair: Pair, clock: Clock) -> None:
    shop = open_shop(shop_pair, rate_limit="20/hour")
    [(soon,)] = shop.pair.primary.execute("SELECT now() AT TIME ZONE 'UTC' + interval '1 hour'")
    with shop.add_token(expires_at=soon) as (_, secret):
        assert shop.ask(secret).status_code == 200
        clock.ahead = timedelta(minutes=61)
        refused = [shop.ask(token) for token in (secret, secret, "nonsense")]
    assert [answer.status_code for answer in refused] == [401] * 3
    assert [answer.headers["RateLimit-Remaining"] for answer in refused] == ["19", "18", "17"]


def test_the_global_expiration_counts_from_the_tokens_creation(shop_pair: Pair) -> None:
    shop = open_shop(shop_pair, token_expiration_minutes=60)
    for age, status in (("59 min", 200), ("61 min", 401), ("-1 day", 200)):
        sql = "SELECT now() AT TIME ZONE 'UTC' - CAST(%s AS interval)"
        [(created_at,)] = shop_pair.primary.execute(sql, (age,))
        with shop.add_token(created_at=created_at) as (_, secret):
            assert shop.ask(secret).status_code == status
    with shop.add_token(created_at=None) as (_, secret):
        assert shop.ask(secret).status_code == 401


# proxies that are trusted, X-Forwarded-For, whether the caller is at 203.0.113.9 (the last hop is 192.0.2.1)
HOPS: list[tuple[int, str | None, bool]] = [
    (0, "203.0.113.9", False),
    (1, "203.0.113.9", True),
    (1, "203.0.113.9, 198.51.100.7", False),
    (1, "198.51.100.7, 203.0.113.9", True),
    (2, "203.0.113.9, 198.51.100.7", True),
    (2, "203.0.113.9, 203.0.113.9, 198.51.100.7", True),
    (2, "203.0.113.9, 198.51.100.8, 198.51.100.7", False),
    (2, "203.0.113.9", False),
    (1, None, False),
    (1, "", False),
    (1, "nonsense", False),
    # written by a caller, before the proxies add what they see
    (2, '203.0.113.9, ", 198.51.100.8, 198.51.100.7', False),
    (2, '203.0.113.9, "198.51.100.8, 198.51.100.7', False),
    (2, "203.0.113.9, ,198.51.100.7", False),
    (1, '"203.0.113.9, 198.51.100.7"', False),
    (1, '"203.0.113.9"', False),
    (1, "203.0.113.9,", False),
    (1, "203.0.113.9:443", True),
    (1, "[::ffff:203.0.113.9]:443", True),
    (1, "203.0.113.8:443", False),
    (1, "for=203.0.113.9", False),
    (1, "203.0.113.9\t", True),
    (1, "203.0.113.009", False),
    (1, "3405803785", False),
    (1, "::ffff:203.0.113.9", True),
    (1, "0.0.0.0/0", False),
    (1, "1, " * 1000 + "198.51.100.7", False),
    (16, ", ".join(["203.0.113.9"] * 15), False),
]


@pytest.mark.parametrize(("proxies", "forwarded", "there"), HOPS)
def test_a_callers_address_is_what_trusted_proxies_say(
    shop_pair: Pair, proxies: int, forwarded: str | None, there: bool
) -> None:
    shop = open_shop(shop_pair, trusted_proxies=proxies)
    with shop.add_token(allowed_ip="203.0.113.9") as (_, secret):
        response = shop.ask(secret, address="192.0.2.1", forwarded=forwarded)
        assert response.status_code == (200 if there else 403)
        assert shop.ask(secret, address="::ffff:203.0.113.9").status_code == 200


@pytest.mark.parametrize("written", ['"', '"x', "203.0.113.9", "", ",", "203.0.113.9,", '"203.0.113.9"', "x" * 5000])
@pytest.mark.parametrize("proxies", [1, 2])
def test_nothing_that_a_caller_writes_gives_them_the_proxys_own_address(
    shop_pair: Pair, proxies: int, written: str
) -> None:
    shop = open_shop(shop_pair, trusted_proxies=proxies)
    forwarded = ", ".join([written, "198.51.100.7", "203.0.113.8"][: proxies + 1])
    with shop.add_token(allowed_ip="203.0.113.0/24") as (_, secret):
        assert shop.ask(secret, address="203.0.113.9", forwarded=forwarded).status_code == 403


def test_without_proxies_the_header_is_not_looked_at(shop: Shop) -> None:
    with shop.add_token(allowed_ip="203.0.113.9") as (_, secret):
        for forwarded in ("203.0.113.9", '"', "198.51.100.7"):
            assert shop.ask(secret, address="192.0.2.1", forwarded=forwarded).status_code == 403
            assert shop.ask(secret, address="203.0.113.9", forwarded=forwarded).status_code == 200


def test_a_hit_is_not_for_another_address(shop: Shop) -> None:
    with shop.add_token(allowed_ip="203.0.113.0/24") as (_, secret):
        assert [shop.ask(secret).status_code for _ in "12"] == [200, 200]
        assert shop.ask(secret, address="198.51.100.7").status_code == 403


def test_two_tokens_of_one_person_have_each_their_own_abilities(shop: Shop) -> None:
    assert [shop.ask(token, {"perspective_id": 3}).status_code for token in (PRIYA, BLUNT) * 2] == [
        200,
        403,
    ] * 2
