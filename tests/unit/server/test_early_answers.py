"""The answers to requests that the app has not seen: no cache may keep them, and each has the one shape."""

import json
import logging
import socket

import pytest

from tickiti_query.http.error_answer import write_error_answer
from tickiti_query.model.errors import Overloaded, PayloadTooLarge, QueryError, RequestTimeout
from tickiti_query.server.gunicorn_worker import Worker

ERRORS = [Overloaded(), PayloadTooLarge(), RequestTimeout(), QueryError()]


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
