"""What a worker says of a request that it could not read, and how it counts its connections."""

import logging
import selectors
import socket
import threading
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http.errors import (
    InvalidHeader,
    InvalidRequestLine,
    InvalidResponseHeader,
    UnsupportedTransferCoding,
)

from tickiti_query.front.line import Line
from tickiti_query.front.loads import LOADS
from tickiti_query.front.waiting import Waiting
from tickiti_query.front.worker import HEAD, REQUEST_ID, Worker, write_refusal
from tickiti_query.model.errors import Overloaded

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


@pytest.mark.parametrize(
    ("method", "header", "named", "has_body"),
    [
        (b"POST", b"x-request-id: my-id.1\r\n", "my-id.1", True),
        (b"HEAD", b"X-Request-ID:my-id\r\n", "my-id", False),
        (b"POST", b"X-Request-ID: my id\r\n", "", True),
        (b"POST", b"X-Request-ID: " + b"a" * 129 + b"\r\n", "", True),
        (b"POST", b"", "", True),
    ],
)
def test_what_nobody_has_read_is_refused_under_its_own_name(
    method: bytes, header: bytes, named: str, has_body: bool
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(method + b" /x HTTP/1.1\r\n" + header + b"\r\n")
        line = Line(ours)
        assert line.gather()
    assert line.find_header(REQUEST_ID) == named
    answer = write_refusal(Overloaded(), named, has_body=not line.find_header(HEAD))
    assert answer.partition(b"\r\n\r\n")[2].startswith(b"{") is has_body


def test_a_client_that_is_gone_is_no_further_fault() -> None:
    worker = Worker.__new__(Worker)
    worker.log = logging.getLogger("gunicorn.error")
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        worker.handle_error(None, ours, None, InvalidHeader(TOKEN))
        with pytest.raises(OSError, match="Broken pipe"):
            ours.send(b"x")


AGE = 200


@pytest.fixture
def idle() -> Any:
    """A worker that accepts on a socket, without its loop."""
    worker = Worker.__new__(Worker)
    worker.age, worker.nr_conns = AGE, 0
    worker.poller = selectors.DefaultSelector()
    worker.gathering, worker.taking, worker.closing = Waiting(1), Waiting(1), Waiting(1)
    worker.keepalived_conns = deque()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.sockets = [listener]
        worker.set_accept_enabled(True)
        yield worker
        worker.forget_load()
    worker.poller.close()


def test_only_a_worker_that_accepts_is_one_to_leave_connections_to(idle: Any) -> None:
    LOADS.note(AGE + 1, 5)
    try:
        assert LOADS.find_least() == 0
        idle.set_accept_enabled(False)
        idle.nr_conns -= 1
        assert LOADS.find_least() == 5
        idle.set_accept_enabled(True)
        idle.nr_conns = 3
        assert LOADS.find_least() == 3
    finally:
        LOADS.forget(AGE + 1)


def test_a_connection_that_two_events_end_is_counted_once(idle: Any) -> None:
    ours, theirs = socket.socketpair()
    line = Line(ours)
    connection = SimpleNamespace(sock=line, close=line.close)
    idle.nr_conns = 2
    with theirs:
        for _ in range(2):
            idle._drop(connection)
    assert idle.nr_conns == 1


def test_a_stop_shortens_the_time_of_connections_while_others_come(idle: Any) -> None:
    stop = threading.Event()

    def keep() -> None:
        while not stop.is_set() and len(idle.keepalived_conns) < 100_000:
            idle.keepalived_conns.append(SimpleNamespace(timeout=75.0))

    keeping = [threading.Thread(target=keep) for _ in range(2)]
    for thread in keeping:
        thread.start()
    try:
        for _ in range(50):
            idle._cap_keepalive(2.0)
    finally:
        stop.set()
        for thread in keeping:
            thread.join()
    idle._cap_keepalive(2.0)
    assert {connection.timeout for connection in idle.keepalived_conns} == {2.0}
