"""429: who is counted, what a caller is told, and that a flood of wrong tokens does not reach the replica."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.test_answers import Desk, check_error, open_desk

LIMIT = 5
HOT, LONG = b"{}", b"{}" + b" " * 5000  # a body that may be answered in front of Flask, and one that may not
RATE_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_desk(monkeypatch, rate_limit=f"{LIMIT}/hour") as opened:
        yield opened


def check_limited(desk: Desk, **asked: Any) -> None:
    """The request is a 429 that says when to come back, and the replica hears nothing of it."""
    reads = desk.replica.reads
    response = desk.ask({}, **asked)
    check_error(response, 429, "rate_limited")
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert response.headers["RateLimit-Reset"] == response.headers["Retry-After"]
    assert response.headers["RateLimit-Remaining"] == "0"
    assert desk.replica.reads == reads
    assert desk.lines[-1]["error"] == "rate_limited"


@pytest.mark.parametrize("raw", [HOT, LONG], ids=["hot", "long"])
def test_a_token_over_its_rate_is_limited_and_others_are_not(desk: Desk, raw: bytes) -> None:
    told = [desk.ask(raw=raw) for _ in range(LIMIT)]
    assert [response.status_code for response in told] == [200] * LIMIT
    assert [response.headers["RateLimit-Remaining"] for response in told] == ["4", "3", "2", "1", "0"]
    assert {response.headers["RateLimit-Limit"] for response in told} == {"5"}
    check_limited(desk)
    check_limited(desk, address="198.51.100.7")
    check_error(desk.ask({}, token="Bearer 2|blunt"), 403, "forbidden")


def test_an_error_counts_as_a_request_and_a_429_comes_before_it(desk: Desk) -> None:
    for _ in range(LIMIT):
        check_error(desk.ask({"row_limit": 0}), 422, "validation_failed")
    check_limited(desk)


def test_hits_count(desk: Desk) -> None:
    statuses = [desk.ask({}).status_code for _ in range(LIMIT + 1)]
    assert (statuses, desk.replica.reads) == ([200] * LIMIT + [429], 1)


@pytest.mark.parametrize("tokens", [["Bearer 9|wrong"], [f"Bearer 9|wrong{n}" for n in range(50)]])
def test_an_address_that_fails_too_often_is_limited(desk: Desk, tokens: list[str]) -> None:
    asked = [tokens[n % len(tokens)] for n in range(50)]
    bodies = [desk.ask({}, token=token).get_json() for token in asked]
    assert [body["error"] for body in bodies] == ["unauthenticated"] * LIMIT + ["rate_limited"] * (50 - LIMIT)
    assert len({body["message"] for body in bodies[:LIMIT]}) == 1
    # One unknown token a second is looked up, in case it is a valid one.
    assert desk.replica.reads <= LIMIT + 2


def test_a_request_without_a_token_fails_too(desk: Desk) -> None:
    for token in (None, "", "Basic x", "Bearer ", "Bearer 1|"):
        response = desk.ask({}, token=token)
        check_error(response, 401, "unauthenticated")
        assert all(response.headers[name] for name in RATE_HEADERS)
    check_limited(desk, token="")
    check_error(desk.ask({}, token="", address="198.51.100.7"), 401, "unauthenticated")


def test_a_valid_token_gets_in_from_an_address_that_fails(desk: Desk) -> None:
    for _ in range(LIMIT):
        assert desk.ask({}, token="").status_code == 401
    assert desk.ask({}).status_code == 200  # the one unknown token of this second
    check_limited(desk, token="Bearer 9|wrong")
    assert desk.ask({}).status_code == 200  # known by now


def test_an_empty_rate_limits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_desk(monkeypatch, rate_limit=None) as desk:
        responses = [desk.ask({}) for _ in range(700)]
    assert {response.status_code for response in responses} == {200}
    assert not any(name in responses[-1].headers for name in RATE_HEADERS)
