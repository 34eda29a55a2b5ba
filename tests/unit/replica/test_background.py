"""Connections that are opened in the background: a borrower waits no longer than it may, and the next waits on."""

import threading
from typing import Any

import pytest

from tests.support.running import wait_until
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.replica.background import LazyConnection
from tickiti_query.replica.connect_reasons import TIMEOUT

NO_TIME, MUCH_TIME = 0.0, threading.TIMEOUT_MAX / 2


class Connection:
    """A connection without a server."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Server:
    """A server that lets connections be opened as soon as it may, or refuses them."""

    def __init__(self) -> None:
        self.attempts = 0
        self.ended = 0
        self.answers = threading.Event()
        self.failure: Exception | None = None
        self.opened: list[Any] = []
        self.lazy = LazyConnection(self.open)

    def open(self) -> Any:
        self.attempts += 1
        self.answers.wait()
        try:
            if self.failure is not None:
                raise self.failure
            self.opened.append(Connection())
            return self.opened[-1]
        finally:
            self.ended += 1


@pytest.fixture
def server() -> Server:
    return Server()


def get_reason(server: Server, ends_at: float) -> str:
    with pytest.raises(ReplicaUnavailable) as raised:
        server.lazy.open(ends_at)
    return raised.value.reason


def test_an_attempt_goes_on_when_its_first_borrower_has_no_more_time(server: Server) -> None:
    for _ in range(3):
        assert get_reason(server, NO_TIME) == TIMEOUT
    assert server.lazy.connection is None
    server.answers.set()
    connection = server.lazy.open(MUCH_TIME)
    assert (connection, server.attempts) == (server.opened[0], 1)
    assert server.lazy.connection is connection


def test_a_failed_attempt_is_told_and_tried_anew(server: Server) -> None:
    server.answers.set()
    server.failure = ReplicaUnavailable(reason="the password is wrong")
    assert get_reason(server, MUCH_TIME) == "the password is wrong"
    server.failure = None
    assert server.lazy.open(MUCH_TIME) is server.opened[0]
    assert server.attempts == 2


def test_a_failure_that_nobody_waited_for_is_told_while_the_next_attempt_takes_long(server: Server) -> None:
    server.failure = ReplicaUnavailable(reason="the password is wrong")
    assert get_reason(server, NO_TIME) == TIMEOUT
    server.answers.set()
    wait_until(lambda: server.ended == 1)
    server.answers.clear()
    wait_until(lambda: get_reason(server, NO_TIME) == "the password is wrong")
    server.answers.set()


def test_a_connection_that_was_closed_is_opened_anew(server: Server) -> None:
    server.answers.set()
    server.lazy.open(MUCH_TIME).close()
    assert server.lazy.open(MUCH_TIME) is server.opened[1]


@pytest.mark.parametrize("is_early", [True, False])
def test_whoever_closes_it_leaves_no_connection_behind(server: Server, *, is_early: bool) -> None:
    get_reason(server, NO_TIME)
    if is_early:
        server.lazy.close()
    server.answers.set()
    wait_until(lambda: bool(server.opened))
    server.lazy.close()
    wait_until(lambda: server.opened[0].closed)
