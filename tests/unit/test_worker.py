"""What a worker says of a request that it could not read: the rule that it broke, and nothing of what was sent."""

import logging
import socket

import pytest
from gunicorn.http.errors import (
    InvalidHeader,
    InvalidRequestLine,
    InvalidResponseHeader,
    UnsupportedTransferCoding,
)

from tickiti_query.front.worker import Worker

TOKEN = "14|abcdefgh"


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
    [record] = caplog.records
    assert record.message == message
    assert TOKEN not in str(getattr(record, "facts", ""))


def test_a_client_that_is_gone_is_no_further_fault() -> None:
    worker = Worker.__new__(Worker)
    worker.log = logging.getLogger("gunicorn.error")
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        worker.handle_error(None, ours, None, InvalidHeader(TOKEN))
        with pytest.raises(OSError, match="Broken pipe"):
            ours.send(b"x")
