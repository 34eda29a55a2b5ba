"""The caller: addresses as servers and proxies write them, credentials, and what time and place say of a token."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tickiti_query.model.errors import Forbidden, Unauthenticated
from tickiti_query.model.token import (
    NONE,
    Actor,
    AuthenticatedToken,
    Credentials,
    User,
    is_listed,
    make_authorizer,
    parse_address,
    read_credentials,
)

ADDRESSES: list[tuple[str, str | None]] = [
    ("203.0.113.9", "203.0.113.9"),
    ("203.0.113.9:51234", "203.0.113.9"),
    ("2001:db8::1", "2001:db8::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("[2001:db8::1]:443", "2001:db8::1"),
    ("::ffff:203.0.113.9", "203.0.113.9"),
    ("::ffff:cb00:7109", "203.0.113.9"),
    ("[::ffff:203.0.113.9]", "203.0.113.9"),
    ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
    ("0.0.0.0", "0.0.0.0"),
    ("::", "::"),
    ("fe80::1%eth0", "fe80::1%eth0"),
    ("", None),
    ("unknown", None),
    ("unix:", None),
    ("_hidden:443", None),
    ("shop.example:443", None),
    ("203.0.113.009", None),
    ("203.0.113", None),
    ("3405803785", None),
    ("[203.0.113.9]:443", None),
    ("[2001:db8::1", None),
    ("2001:db8::1]:443", None),
    ("[]:443", None),
    ("::ffff:203.0.113.9:443", None),
    ('"[2001:db8::1]:443"', None),
    ("203.0.113.0/24", None),
    ("203.0.113.9\xa0", None),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_an_address_is_read_without_its_port(text: str, address: str | None) -> None:
    read = parse_address(text)
    assert (None if read is None else str(read)) == address


NOW = datetime(2026, 5, 2, 12, 0)  # noqa: DTZ001  the relations have no zone
ACTOR = Actor(User(7, "priya@shop.example"), is_staff=True, queues=(1, 2))
TOKEN = AuthenticatedToken(ACTOR, frozenset({"tickets:read"}), None, None, None)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("latin-1")).hexdigest()


CREDENTIALS: list[tuple[str | None, Credentials]] = [
    ("Bearer 14|secret", Credentials(digest("secret"), 14)),
    ("bearer 14|secret", Credentials(digest("secret"), 14)),
    ("BEARER   14|secret ", Credentials(digest("secret"), 14)),
    ("Bearer secret", Credentials(digest("secret"))),
    ("Bearer 14", Credentials(digest("14"))),
    ("Bearer 14|a|b", Credentials(digest("a|b"), 14)),
    ("Bearer 14||b", Credentials(digest("|b"), 14)),
    ("Bearer 0014|secret", Credentials(digest("secret"), 14)),
    (f"Bearer {2**63 - 1}|secret", Credentials(digest("secret"), 2**63 - 1)),
    ("Bearer s\xe9cret", Credentials(digest("s\xe9cret"))),
]
NO_CREDENTIALS = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer |",
    "Bearer 14|",
    "Bearer |secret",
    "Bearer x14|secret",
    "Bearer -14|secret",
    "Bearer 1 4|secret",
    "Bearer ١٤|secret",
    f"Bearer {2**63}|secret",
    f"Bearer {'9' * 5000}|secret",
    "Bearer 14|two words",
    "Basic 14|secret",
    "Bearer: 14|secret",
    "14|secret",
]

OPENING: list[tuple[str, bool]] = [
    ("tickets:read", True),
    ("tickets:write", True),
    ("*", True),
    ("ticket-index", False),
    ("tickets:*", False),
    ("Tickets:Read", False),
    ("", False),
]

PLACES: list[tuple[str | None, str, bool]] = [
    (None, "203.0.113.9", True),
    (None, "", True),
    ("203.0.113.9", "203.0.113.9", True),
    ("203.0.113.9", "203.0.113.8", False),
    ("203.0.113.0/24", "203.0.113.8", True),
    ("203.0.113.9/24", "203.0.113.8", True),
    ("10.0.0.0/8, 203.0.113.0/24", "203.0.113.8", True),
    ("10.0.0.0/8,2001:db8::/32", "2001:db8::1", True),
    ("10.0.0.0/8,2001:db8::/32", "2001:db9::1", False),
    ("0.0.0.0/0", "2001:db8::1", False),
    ("203.0.113.0/24", "::ffff:203.0.113.8", True),
    ("203.0.113.0/24", "::ffff:203.0.114.8", False),
    ("::ffff:203.0.113.8", "203.0.113.8", True),
    ("::ffff:203.0.113.8", "::ffff:203.0.113.8", True),
    ("::ffff:203.0.113.0/120", "203.0.113.8", True),
    ("::ffff:203.0.113.0/120", "203.0.114.8", False),
    ("::/0", "203.0.113.8", False),
    ("::/0", "2001:db8::1", True),
    ("", "203.0.113.9", False),
    (" ", "203.0.113.9", False),
    (",", "203.0.113.9", False),
    ("203.0.113.9,", "203.0.113.9", False),
    ("203.0.113.9,nonsense", "203.0.113.9", False),
    ("203.0.113.0/33", "203.0.113.9", False),
    ("shop.example", "203.0.113.9", False),
    ("203.0.113.9", "", False),
    ("203.0.113.9", "unix:", False),
]


@pytest.mark.parametrize(("header", "credentials"), CREDENTIALS)
def test_a_bearer_token_is_read_as_sanctum_reads_it(header: str, credentials: Credentials) -> None:
    assert read_credentials(header) == credentials


@pytest.mark.parametrize("header", NO_CREDENTIALS)
def test_a_header_without_a_token_shows_credentials_that_nobody_has(header: str | None) -> None:
    assert read_credentials(header) == NONE


@pytest.mark.parametrize(("ability", "opens"), OPENING)
def test_an_ability_opens_the_endpoint_or_not(ability: str, opens: bool) -> None:
    token = replace(TOKEN, abilities=frozenset({ability}))
    if opens:
        assert make_authorizer(None, lambda: NOW)(token, "203.0.113.9") is ACTOR
    else:
        with pytest.raises(Forbidden, match="tickets:read"):
            make_authorizer(None, lambda: NOW)(token, "203.0.113.9")


@pytest.mark.parametrize(("allowed_ip", "address", "listed"), PLACES)
def test_an_address_is_in_the_list_or_not(allowed_ip: str | None, address: str, listed: bool) -> None:
    assert is_listed(allowed_ip, address) is listed
    if not listed:
        with pytest.raises(Forbidden, match="address"):
            make_authorizer(None, lambda: NOW)(replace(TOKEN, allowed_ip=allowed_ip), address)


SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
TIMES: list[tuple[datetime | None, datetime | None, int | None, bool]] = [
    # expires_at, created_at, global expiration in minutes, valid
    (None, None, None, True),
    (NOW + SECOND, None, None, True),
    (NOW, None, None, True),
    (NOW - SECOND, None, None, False),
    (None, NOW - HOUR + SECOND, 60, True),
    (None, NOW - HOUR, 60, False),
    (None, NOW - 2 * HOUR, 60, False),
    (None, None, 60, False),
    (NOW + HOUR, NOW - 2 * HOUR, 60, False),
    (NOW - SECOND, NOW - SECOND, 60, False),
]


@pytest.mark.parametrize(("expires_at", "created_at", "minutes", "valid"), TIMES)
def test_a_token_is_valid_until_its_time_or_everybodys_is_up(
    expires_at: datetime | None, created_at: datetime | None, minutes: int | None, valid: bool
) -> None:
    token = replace(TOKEN, expires_at=expires_at, created_at=created_at)
    authorize = make_authorizer(minutes, lambda: NOW)
    if valid:
        assert authorize(token, "203.0.113.9") is ACTOR
    else:
        with pytest.raises(Unauthenticated):
            authorize(token, "203.0.113.9")


def test_an_expired_token_without_the_ability_is_not_told_what_it_lacks() -> None:
    token = AuthenticatedToken(ACTOR, frozenset(), "", NOW - SECOND, None)
    with pytest.raises(Unauthenticated):
        make_authorizer(None, lambda: NOW)(token, "203.0.113.9")
