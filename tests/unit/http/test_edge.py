"""The edge: one look at each request, hits without Flask, and everything else with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import request_started

import app as composition
from tests.support.client import PATH, Client, open_client
from tickiti_query.http.body import make_body_parser
from tickiti_query.http.edge import read_body
from tickiti_query.http.error_answer import name_status
from tickiti_query.model.errors import PayloadTooLarge
from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.request import LONGEST_BODY
from tickiti_query.model.token import read_credentials

BODY = {"perspective_id": 1}


class Calls:
    """Counts of what the edge had done for it."""

    def __init__(self) -> None:
        self.hashed = 0
        self.parsed = 0
        self.flask = 0


@contextmanager
def open_counted(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[tuple[Client, Calls]]:
    """Yield a client of the whole app, and counts of token digests, of parsed bodies and of requests in Flask."""
    calls = Calls()

    def count_digest(header: str | None) -> Any:
        calls.hashed += 1
        return read_credentials(header)

    def make_counted_parser(*limits: int) -> Any:
        parse = make_body_parser(*limits)

        def count_parsed(raw: bytes | None, content_type: str) -> TicketQuery:
            calls.parsed += 1
            return parse(raw, content_type)

        return count_parsed

    def count_request(_app: Any, **_: Any) -> None:
        calls.flask += 1

    monkeypatch.setattr(composition, "read_credentials", count_digest)
    monkeypatch.setattr(composition, "make_body_parser", make_counted_parser)
    with open_client(monkeypatch, **settings) as client, request_started.connected_to(count_request, client.app):
        yield client, calls


def test_a_cold_request_enters_flask_and_a_hit_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch) as (client, calls):
        cold = client.ask(BODY)
        assert (cold.status_code, calls.flask) == (200, 1)
        hit = client.ask(BODY)
        assert (hit.status_code, calls.flask) == (200, 1)
    assert "hit" in hit.headers["Cache-Status"]
    assert hit.data == cold.data


def test_a_request_that_is_read_again_by_its_plan_does_not_enter_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch, cache_ttl_seconds=0) as (client, calls):
        assert [client.ask(BODY).status_code for _ in range(2)] == [200, 200]
        assert calls.flask == 1
    assert client.replica.reads == 2  # the fake says that no precondition holds


@pytest.mark.parametrize("ask", [{"path": "/openapi.json", "method": "GET"}, {"method": "GET"}, {"path": "/nowhere"}])
def test_what_is_no_post_to_the_path_enters_flask(monkeypatch: pytest.MonkeyPatch, ask: dict[str, str]) -> None:
    with open_counted(monkeypatch) as (client, calls):
        client.ask(**ask)  # type: ignore[arg-type]
        assert (calls.flask, calls.hashed, calls.parsed) == (1, 0, 0)


def test_an_error_that_the_edge_finds_does_not_enter_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch) as (client, calls):
        assert client.ask(raw=b" " * (LONGEST_BODY + 1)).status_code == 413
        assert calls.flask == 0


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_each_request_has_its_token_hashed_once_and_its_body_parsed_at_most_once(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    with open_counted(monkeypatch, cache_ttl_seconds=30) as (client, calls):
        for number in (1, 2, 3):  # a cold one, and two hits
            assert client.ask(BODY, path=path).status_code == 200
            assert (calls.hashed, calls.parsed) == (number, number)


def test_a_caller_who_is_not_let_in_has_no_body_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch) as (client, calls):
        assert client.ask(raw=b"{", token="Bearer 1|wrong").status_code == 401
        assert (calls.hashed, calls.parsed) == (1, 0)


class Input:
    """A body that the server hands out; `fault` is what it raises instead."""

    def __init__(self, body: bytes, fault: Exception | None = None) -> None:
        self._body = body
        self._fault = fault

    def read(self, length: int) -> bytes:
        if self._fault:
            raise self._fault
        return self._body[:length]


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"CONTENT_LENGTH": "2"}, b"{}", b"{}"),
        ({"CONTENT_LENGTH": "2"}, b"{} and the next request", b"{}"),
        ({"CONTENT_LENGTH": "9"}, b"{}", None),
        ({"CONTENT_LENGTH": ""}, b"", b""),
        ({}, b"", b""),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, b"{}", b"{}"),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "999999"}, b"{}", b"{}"),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, b" " * LONGEST_BODY, b" " * LONGEST_BODY),
    ],
)
def test_a_body_is_read_to_its_end(headers: dict[str, str], body: bytes, expected: bytes | None) -> None:
    assert read_body({**headers, "wsgi.input": Input(body)}) == expected


def test_a_body_that_the_server_cannot_read_is_no_error_yet() -> None:
    assert read_body({"CONTENT_LENGTH": "2", "wsgi.input": Input(b"", OSError("broken chunks"))}) is None


@pytest.mark.parametrize("headers", [{"CONTENT_LENGTH": str(LONGEST_BODY + 1)}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_a_body_that_is_too_long_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PayloadTooLarge):
        read_body({**headers, "wsgi.input": Input(b" " * (LONGEST_BODY + 1))})


def test_a_status_has_its_name() -> None:
    assert name_status(404) == "404 Not Found"
