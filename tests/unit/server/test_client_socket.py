"""A client's socket: bytes that nobody has read yet are seen without a wait."""

import socket

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
