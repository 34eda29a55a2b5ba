"""A connection in use: waiting for a server that accepts connections and says nothing."""

import socket
import time
from collections.abc import Iterator

import pytest

from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.database_errors import DeadlinePassed
from tickiti_query.replica.execution import deadline_from_now, install_wait_callback


@pytest.fixture(name="silent")
def listen() -> Iterator[Target]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield Target(f"postgresql://reader@127.0.0.1:{port}/tickiti", "reporting", statement_timeout_ms=5000)


@pytest.mark.alone  # time is measured
@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_connecting_ends_at_the_deadline(silent: Target, seconds: float) -> None:
    install_wait_callback()
    began = time.monotonic()
    with pytest.raises(DeadlinePassed):
        connect(silent.list_hosts(), deadline_from_now(seconds))
    assert seconds <= time.monotonic() - began < seconds + 10
