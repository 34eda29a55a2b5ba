"""The worker's answer to a request that it could not read."""

import json
import logging
import socket

import pytest
from gunicorn.http.errors import (
    InvalidHeader,
    InvalidRequestLine,
    InvalidResponseHeader,
    UnsupportedTransferCoding,
)

from tickiti_query.http.error_answer import write_error_answer
from tickiti_query.model.errors import Overloaded, PayloadTooLarge, QueryError, RequestTimeout
from tickiti_query.server.client_socket import ClientSocket
from tickiti_query.server.gunicorn_worker import Address, Worker

TOKEN = "14|abcdefgh"
ERRORS = [Overloaded(), PayloadTooLarge(), RequestTimeout(), QueryError()]


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (InvalidHeader(TOKEN), 400, "refused what is no HTTP request"),
        (InvalidRequestLine(TOKEN), 400, "refused what is no HTTP request"),
        (UnsupportedTransferCoding(TOKEN), 400, "refused what is no HTTP request"),
        (InvalidResponseHeader(TOKEN), 500, "unforeseen error"),
        (RuntimeError(TOKEN), 500, "unforeseen error"),
    ],
)
def test_the_log_and_the_answer_name_no_more_than_the_rule(
    caplog: pytest.LogCaptureFixture, fault: Exception, status: int, message: str
) -> None:
    worker = Worker.__new__(Worker)
    worker.log = logging.getLogger("gunicorn.error")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, ("203.0.113.9", 4711), fault)
        answer = theirs.recv(65536)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert TOKEN.encode() not in answer
    [record] = [record for record in caplog.records if record.name == "gunicorn.error"]
    assert record.message == message
    assert TOKEN not in str(getattr(record, "facts", ""))


def test_a_request_that_is_too_slow_is_told_so_under_an_id_of_its_own(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "tickiti_query.request")
    monkeypatch.setattr(logging.getLogger("tickiti_query.request"), "handlers", [caplog.handler])
    monkeypatch.setattr(logging.getLogger("tickiti_query.request"), "propagate", False)
    worker = Worker.__new__(Worker)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, None, RequestTimeout())
        head, _, body = theirs.recv(65536).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status == "HTTP/1.1 408 Request Timeout"
    assert (headers["Connection"], int(headers["Content-Length"])) == ("close", len(body))
    assert json.loads(body)["error"] == "request_timeout"
    [record] = caplog.records
    assert getattr(record, "facts", None) == {
        "request_id": headers["X-Request-ID"],
        "status": 408,
        "error": "request_timeout",
    }


def test_a_client_that_is_gone_is_no_further_fault() -> None:
    worker = Worker.__new__(Worker)
    worker.log = logging.getLogger("gunicorn.error")
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        worker.handle_error(None, ours, None, InvalidHeader(TOKEN))
        with pytest.raises(OSError, match="Broken pipe"):
            ours.send(b"x")


def check_answer(answer: bytes, error: QueryError) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status.startswith(f"HTTP/1.1 {error.status} ")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(body) == error.body


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_that_the_worker_answers_is_not_kept(error: QueryError) -> None:
    check_answer(write_error_answer(error, "x"), error)


@pytest.mark.parametrize("fault", [RequestTimeout(), PayloadTooLarge(), RuntimeError("unforeseen")])
def test_a_fault_outside_the_app_is_not_kept(fault: Exception) -> None:
    worker = Worker.__new__(Worker)
    worker.log = logging.getLogger("gunicorn.error")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, ("203.0.113.9", 4711), fault)
        check_answer(theirs.recv(65536), fault if isinstance(fault, QueryError) else QueryError())


def test_a_connection_on_which_a_request_has_come_is_not_closed_as_idle() -> None:
    address = Address(("127.0.0.1", 8080), most=2, is_api=True)
    first, second = socket.socketpair(), socket.socketpair()
    with first[0], first[1], second[0], second[1]:
        longest, other = (ClientSocket(ours, address.idle) for ours, _ in (first, second))
        assert list(address.list_idle()) == [longest, other]
        first[1].send(b"POST")
        assert list(address.list_idle()) == [other]
