"""A client's socket: bytes that nobody has read yet are seen without a wait, and only late requests count as cut."""

import socket
from types import SimpleNamespace

import pytest

from tests.support.metrics_page import Page
from tickiti_query.model.errors import RequestTimeout
from tickiti_query.operations.metrics import render_metrics
from tickiti_query.server.client_socket import ClientSocket


def test_a_request_that_nobody_has_read_yet_is_seen() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = ClientSocket(ours, {})
        before = client.has_unread_bytes
        theirs.send(b"POST")
        assert (before, client.has_unread_bytes) == (False, True)
        assert ours.recv(4) == b"POST"
        assert not client.has_unread_bytes


def test_a_client_that_is_gone_has_sent_nothing() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        assert not ClientSocket(ours, {}).has_unread_bytes


class FailingSocket:
    """Gives the parts that it has, and then fails."""

    def __init__(self, fault: OSError, *parts: bytes) -> None:
        self._fault = fault
        self._parts = list(parts)

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def recv(self, size: int) -> bytes:
        if self._parts:
            return self._parts.pop(0)
        raise self._fault


def count_cut_requests() -> float:
    return Page(render_metrics().decode()).sum("cut_connections_total", what="request")


def test_a_new_connection_without_a_request_counts_as_cut() -> None:
    before = count_cut_requests()
    assert ClientSocket(FailingSocket(TimeoutError()), {}).recv(9) == b""
    assert count_cut_requests() - before == 1


@pytest.mark.parametrize(
    ("fault", "raised", "counted"), [(TimeoutError(), RequestTimeout, 1), (ConnectionResetError(), OSError, 0)]
)
def test_a_late_request_counts_as_cut_and_one_whose_client_is_gone_does_not(
    fault: OSError, raised: type[Exception], counted: int
) -> None:
    client = ClientSocket(FailingSocket(fault, b"POST"), {})
    before = count_cut_requests()
    assert client.recv(9) == b"POST"
    with pytest.raises(raised):
        client.recv(9)
    assert count_cut_requests() - before == counted


def test_a_connection_that_stays_idle_after_a_request_does_not_count_as_cut() -> None:
    client = ClientSocket(FailingSocket(TimeoutError(), b"POST"), {})
    assert client.recv(9) == b"POST"
    client.begin_body(
        SimpleNamespace(
            body=SimpleNamespace(read=lambda _size: b""), unreader=SimpleNamespace(take_buffered=lambda: b"")
        )
    )
    client.await_request(5.0)
    before = count_cut_requests()
    assert client.recv(9) == b""
    assert count_cut_requests() == before
