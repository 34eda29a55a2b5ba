"""The HTTP edge over a replica that is a plain fake: bodies, headers, the order of checks, the log line."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.client import PATH, Client, check_error, open_client
from tests.support.fake_replica import TICKETS
from tests.support.snapshots import alter
from tickiti_query.model import errors
from tickiti_query.model.request import Deadline

MESSAGE = "a sentence for the caller."


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with open_client(monkeypatch, max_row_limit=50, rate_limit=None) as opened:
        yield opened


ERRORS: list[tuple[str, dict[str, Any], int, str]] = [
    ("a body that is no JSON", {"raw": b"{"}, 400, "malformed_json"),
    ("a body that is not UTF-8", {"raw": b'{"a": "\xff"}'}, 400, "malformed_json"),
    ("no token", {"token": None}, 401, "unauthenticated"),
    ("a malformed token", {"token": "Bearer x|y"}, 401, "unauthenticated"),
    ("a wrong secret", {"token": "Bearer 1|wrong"}, 401, "unauthenticated"),
    ("another's id", {"token": "Bearer 2|reader"}, 401, "unauthenticated"),
    ("no ability", {"token": "Bearer 2|blunt"}, 403, "forbidden"),
    ("a strange address", {"token": "Bearer 3|elsewhere"}, 403, "forbidden"),
    ("no such perspective", {"body": {"perspective_id": 4}}, 404, "not_found"),
    ("an id beyond 64 bits", {"body": {"perspective_id": 2**70}}, 404, "not_found"),
    ("an unknown path", {"path": "/api/v1/tickets"}, 404, "not_found"),
    ("an unknown path elsewhere", {"path": "/nowhere", "method": "GET"}, 404, "not_found"),
    ("a wrong method", {"method": "GET"}, 405, "method_not_allowed"),
    ("a preflight", {"method": "OPTIONS"}, 405, "method_not_allowed"),
    ("a made-up method", {"method": "BREW"}, 405, "method_not_allowed"),
    ("a long body", {"raw": b" " * (64 * 1024 + 1)}, 413, "payload_too_large"),
    ("the longest body", {"raw": b" " * (64 * 1024)}, 400, "malformed_json"),
    ("a body far too long", {"raw": b" " * 10_000_000}, 413, "payload_too_large"),
    ("another media type", {"body": {}, "content_type": "text/plain"}, 415, "unsupported_media_type"),
    ("no media type", {"body": {}, "content_type": None}, 415, "unsupported_media_type"),
    ("a wrong type", {"body": {"row_limit": "1"}}, 422, "validation_failed"),
    ("a row limit beyond this install's", {"body": {"row_limit": 51}}, 422, "validation_failed"),
    (
        "an unknown mode",
        {"body": {"search_object": {"criteria": [{"mode": "moon", "tokens": ["x"]}]}}},
        422,
        "validation_failed",
    ),
    ("an unknown field", {"body": {"perspective_id": 9}}, 501, "unsupported_perspective"),
]


@pytest.mark.parametrize(("request_", "status", "code"), [case[1:] for case in ERRORS], ids=[c[0] for c in ERRORS])
def test_every_refusal_has_the_one_shape(client: Client, request_: dict[str, Any], status: int, code: str) -> None:
    check_error(client.ask(**request_), status, code)
    assert [(line["status"], line["error"]) for line in client.lines] == [(status, code)]


FAULTS = [
    (errors.ReplicaUnavailable(MESSAGE), 503, "replica_unavailable"),
    (errors.QueryTimeout(MESSAGE), 504, "query_timeout"),
    (errors.QueryError(MESSAGE), 500, "internal_error"),
]


@pytest.mark.parametrize(("fault", "status", "code"), FAULTS)
@pytest.mark.parametrize("where", ["observe_fault", "read_fault"])
def test_a_fault_of_the_replica_has_the_one_shape(
    client: Client, where: str, fault: errors.QueryError, status: int, code: str
) -> None:
    setattr(client.replica, where, fault)
    response = client.ask()
    assert check_error(response, status, code)["message"] == MESSAGE
    assert ("Retry-After" in response.headers) is (status in {503, 504})


@pytest.mark.parametrize("where", ["observe_fault", "read_fault"])
def test_an_unforeseen_error_is_a_500_that_tells_nothing(client: Client, where: str) -> None:
    setattr(client.replica, where, RuntimeError("SELECT secret FROM tokens"))
    response = client.ask(headers={"X-Request-ID": "abc"})
    body = check_error(response, 500, "internal_error")
    assert body["message"] == errors.QueryError.default_message
    for text in (response.text, client.log_text):
        assert "secret" not in text
        assert "Traceback" not in text
    first, last = client.lines
    assert (first["level"], first["exception"], first["request_id"]) == ("error", "RuntimeError", "abc")
    assert "fake_replica.py" in first["at"]
    assert (last["status"], last["error"], last["request_id"]) == (500, "internal_error", "abc")


def test_an_answer_is_rows_and_headers(client: Client) -> None:
    response = client.ask()
    assert response.status_code == 200
    assert response.content_type == "application/json; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-cache"
    body = json.loads(response.data)
    assert list(body) == ["ok", "data"]
    assert body["ok"] is True
    assert [tuple(row.values()) for row in body["data"]] == TICKETS
    assert list(body["data"][0]) == [
        "ticket_id",
        "number",
        "status",
        "queue",
        "priority",
        "subject",
        "assigned_to_email",
        "originator_email",
        "created_at",
        "updated_at",
    ]
    headers = response.headers
    assert (headers["X-Row-Count"], headers["X-Truncated"]) == ("3", "false")
    assert headers["X-Data-As-Of"] == "2026-05-02T11:30:48.000005Z"
    assert headers["Cache-Status"] == "tickiti-query; fwd=miss; stored"
    assert "X-Ignored-Params" not in headers
    durations = dict(part.split(";dur=") for part in headers["Server-Timing"].split(", "))
    assert set(durations) == {"auth", "cache", "sql"}
    assert all(0 <= float(value) < 1000 for value in durations.values())


def test_a_request_has_time_for_a_snapshot_a_slot_and_a_reading(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, deadlines = client.replica.read, []

    def note_deadline(work: Callable[[Any], Any], deadline: Deadline) -> Any:
        deadlines.append(deadline.remaining_seconds)
        return read(work, deadline)

    monkeypatch.setattr("tickiti_query.http.edge.monotonic", lambda: 1000.0)
    monkeypatch.setattr(client.replica, "read", note_deadline)
    assert client.ask({}).status_code == 200
    assert deadlines == [3 + 1 + client.replica.longest_read_seconds]


def test_more_rows_than_asked_for_are_told(client: Client) -> None:
    for limit, truncated in ((1, "true"), (2, "true"), (3, "false"), (50, "false")):
        response = client.ask({"row_limit": limit})
        assert response.headers["X-Row-Count"] == str(min(limit, 3))
        assert response.headers["X-Truncated"] == truncated
        assert len(response.json["data"]) == min(limit, 3)  # type: ignore[index]


def test_a_replica_that_never_replayed_a_transaction_has_no_time_to_tell(client: Client) -> None:
    client.replica.state = alter(client.replica.state, position="1:2: x t", replayed_at=None)
    assert "X-Data-As-Of" not in client.ask().headers


def test_the_second_answer_is_a_hit_with_the_same_bytes(client: Client) -> None:
    first, second, third = client.ask(), client.ask({}), client.ask({"perspective_id": 3})
    assert first.data == second.data
    assert second.headers["Cache-Status"] == "tickiti-query; hit; ttl=29"
    assert third.headers["Cache-Status"] == "tickiti-query; fwd=miss; stored"
    assert client.replica.reads == 2
    assert [line["cache"] for line in client.lines] == ["miss", "hit", "miss"]
    for name in ("X-Row-Count", "X-Truncated", "X-Data-As-Of"):
        assert first.headers[name] == second.headers[name]


@pytest.mark.parametrize("major", [14, 19])
def test_on_an_unknown_version_every_answer_is_read_anew(client: Client, major: int) -> None:
    client.replica.server = replace(client.replica.server, major=major)
    client.replica.state = alter(client.replica.state, server=client.replica.server)
    assert [client.ask().headers["Cache-Status"] for _ in "12"] == ["tickiti-query; fwd=miss"] * 2
    assert client.replica.reads == 2


def test_where_too_much_may_be_running_every_answer_is_read_anew(client: Client) -> None:
    client.replica.state = alter(client.replica.state, running=None)
    assert [client.ask().headers["Cache-Status"] for _ in "12"] == ["tickiti-query; fwd=miss"] * 2
    assert client.replica.reads == 2


def test_a_hit_names_the_ignored_fields_of_its_own_request(client: Client) -> None:
    assert "X-Ignored-Params" not in client.ask({}).headers
    response = client.ask({"page": 2, "search_object": {"so rt": "x"}})
    assert "hit" in response.headers["Cache-Status"]
    assert response.headers["X-Ignored-Params"] == "page,search_object.so%20rt"


def test_a_long_list_of_ignored_fields_is_cut_at_a_name(client: Client) -> None:
    text = client.ask({f"unknown_{number:04}": 1 for number in range(2000)}).headers["X-Ignored-Params"]
    assert len(text) <= 2052
    *names, dots = text.split(",")
    assert dots == "..."
    assert all(len(name) == 12 for name in names)


@pytest.mark.parametrize("given", ["a", "Az09._-", "x" * 128])
def test_the_callers_request_id_comes_back_and_is_logged(client: Client, given: str) -> None:
    assert client.ask(headers={"X-Request-ID": given}).headers["X-Request-ID"] == given
    assert client.lines[0]["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "ü", "a,b", 'a"b', "a/b"])
def test_another_request_id_is_replaced_by_a_new_one(client: Client, given: str) -> None:
    first, second = (
        client.ask(headers={"X-Request-ID": given.encode().decode("latin-1")}).headers["X-Request-ID"] for _ in "12"
    )
    assert first != second
    assert given not in {first, second}
    assert all(len(each) == 32 and each.isalnum() for each in (first, second))


def test_errors_carry_the_headers_that_belong_to_them(client: Client) -> None:
    assert client.ask(token=None).headers["WWW-Authenticate"] == "Bearer"
    assert client.ask(method="GET").headers["Allow"] == "POST"
    assert client.ask(method="POST", path="/openapi.json").headers["Allow"] == "GET, HEAD"
    client.replica.observe_fault = errors.ReplicaUnavailable()
    assert int(client.ask().headers["Retry-After"]) >= 1


BAD_BODIES: list[dict[str, Any]] = [
    {"raw": b"{"},
    {"raw": b"\xff"},
    {"body": {"row_limit": 0}},
    {"body": {"perspective_id": 4}},
    {"body": {"perspective_id": 9}},
    {"body": {}, "content_type": "text/plain"},
]


@pytest.mark.parametrize("request_", BAD_BODIES)
@pytest.mark.parametrize(
    ("token", "status"),
    [(None, 401), ("Bearer 1|wrong", 401), ("Bearer 2|blunt", 403), ("Bearer 3|elsewhere", 403)],
)
def test_who_is_not_let_in_learns_nothing_about_the_body(
    client: Client, request_: dict[str, Any], token: str | None, status: int
) -> None:
    response = client.ask(**request_, token=token)
    assert response.status_code == status
    assert response.data == client.ask(token=token).data


def test_the_rest_is_checked_in_the_documented_order(client: Client) -> None:
    raw = b'{"row_limit": 0, "perspective_id": 4'
    statuses = [
        client.ask(raw=raw, content_type="text/plain").status_code,
        client.ask(raw=raw).status_code,
        client.ask(raw=raw + b"}").status_code,
        client.ask({"perspective_id": 4}).status_code,
        client.ask({"perspective_id": 9, "search_object": {"criteria": [{"mode": "?", "tokens": ["x"]}]}}).status_code,
        client.ask({"perspective_id": 9}).status_code,
    ]
    assert statuses == [415, 400, 422, 404, 422, 501]


def test_all_wrong_credentials_get_the_same_answer(client: Client) -> None:
    answers = {
        client.ask(token=token).data for token in (None, "Bearer 1|x", "Bearer x|y", "Basic x", "Bearer 99|reader")
    }
    assert len(answers) == 1


def test_a_request_is_one_log_line_without_the_token(client: Client) -> None:
    client.ask({"perspective_id": 3})
    (line,) = client.lines
    del line["time"], line["request_id"]
    assert 0 <= line.pop("duration_ms") < 60_000
    assert line == {
        "level": "info",
        "logger": "tickiti_query.request",
        "message": "request",
        "method": "POST",
        "path": PATH,
        "status": 200,
        "user_id": 7,
        "perspective_id": 3,
        "rows": 3,
        "cache": "miss",
    }
    assert "reader" not in client.log_text


def test_a_hostile_path_is_still_one_line(client: Client) -> None:
    client.ask(path='/api/v1/%0A%22"x', method="GET")
    assert [line["status"] for line in client.lines] == [404]


def test_what_is_wrong_is_told_by_path_and_once(client: Client) -> None:
    body = check_error(client.ask({"row_limit": 99, "perspective_id": []}), 422, "validation_failed")
    assert set(body["errors"]) == {"row_limit", "perspective_id"}
    assert body["errors"]["row_limit"] == ["Must be from 1 to 50."]


def test_a_token_needs_no_id_and_its_scheme_no_case(client: Client) -> None:
    for header in ("Bearer reader", "bearer 1|reader", "BEARER 0001|reader"):
        assert client.ask(token=header).status_code == 200


def test_a_path_may_end_with_a_slash(client: Client) -> None:
    assert client.ask(path=f"{PATH}/").status_code == 200
