"""429: who is counted, what a caller is told, and that a flood of wrong tokens does not reach the replica."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import Client, check_error, open_client

LIMIT = 5
HOT, LONG = b"{}", b"{}" + b" " * 5000  # a body that may be answered in front of Flask, and one that may not
RATE_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with open_client(monkeypatch, rate_limit=f"{LIMIT}/hour") as opened:
        yield opened


def check_limited(client: Client, **asked: Any) -> None:
    """The request is a 429 that says when to come back, and the replica hears nothing of it."""
    reads = client.replica.reads
    response = client.ask({}, **asked)
    check_error(response, 429, "rate_limited")
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert response.headers["RateLimit-Reset"] == response.headers["Retry-After"]
    assert response.headers["RateLimit-Remaining"] == "0"
    assert client.replica.reads == reads
    assert client.lines[-1]["error"] == "rate_limited"


@pytest.mark.parametrize("raw", [HOT, LONG], ids=["hot", "long"])
def test_a_token_over_its_rate_is_limited_and_others_are_not(client: Client, raw: bytes) -> None:
    told = [client.ask(raw=raw) for _ in range(LIMIT)]
    assert [response.status_code for response in told] == [200] * LIMIT
    assert [response.headers["RateLimit-Remaining"] for response in told] == ["4", "3", "2", "1", "0"]
    assert {response.headers["RateLimit-Limit"] for response in told} == {"5"}
    check_limited(client)
    check_limited(client, address="198.51.100.7")
    check_error(client.ask({}, token="Bearer 2|blunt"), 403, "forbidden")


def test_an_error_counts_as_a_request_and_a_429_comes_before_it(client: Client) -> None:
    for _ in range(LIMIT):
        check_error(client.ask({"row_limit": 0}), 422, "validation_failed")
    check_limited(client)


def test_hits_count(client: Client) -> None:
    statuses = [client.ask({}).status_code for _ in range(LIMIT + 1)]
    assert (statuses, client.replica.reads) == ([200] * LIMIT + [429], 1)


@pytest.mark.parametrize("tokens", [["Bearer 9|wrong"], [f"Bearer 9|wrong{n}" for n in range(50)]])
def test_an_address_that_fails_too_often_is_limited(client: Client, tokens: list[str]) -> None:
    asked = [tokens[n % len(tokens)] for n in range(50)]
    bodies = [client.ask({}, token=token).get_json() for token in asked]
    assert [body["error"] for body in bodies] == ["unauthenticated"] * LIMIT + ["rate_limited"] * (50 - LIMIT)
    assert len({body["message"] for body in bodies[:LIMIT]}) == 1
    # One unknown token a second is looked up, in case it is a valid one.
    assert client.replica.reads <= LIMIT + 2


def test_a_request_without_a_token_fails_too(client: Client) -> None:
    for token in (None, "", "Basic x", "Bearer ", "Bearer 1|"):
        response = client.ask({}, token=token)
        check_error(response, 401, "unauthenticated")
        assert all(response.headers[name] for name in RATE_HEADERS)
    check_limited(client, token="")
    check_error(client.ask({}, token="", address="198.51.100.7"), 401, "unauthenticated")


def test_a_valid_token_gets_in_from_an_address_that_fails(client: Client) -> None:
    for _ in range(LIMIT):
        assert client.ask({}, token="").status_code == 401
    assert client.ask({}).status_code == 200  # the one unknown token of this second
    check_limited(client, token="Bearer 9|wrong")
    assert client.ask({}).status_code == 200  # known by now


def test_an_empty_rate_limits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_client(monkeypatch, rate_limit=None) as client:
        responses = [client.ask({}) for _ in range(700)]
    assert {response.status_code for response in responses} == {200}
    assert not any(name in responses[-1].headers for name in RATE_HEADERS)
