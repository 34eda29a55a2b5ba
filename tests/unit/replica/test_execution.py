"""A connection in use: waiting for a server that says nothing, and the texts of statements."""

import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tickiti_query.cache.snapshot import Server
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.database_errors import DeadlinePassed
from tickiti_query.replica.execution import (
    ReplicaConnection,
    Transaction,
    deadline_from_now,
    execute_as_text,
    install_wait_callback,
    to_pyformat,
)


class Connection:
    """A connection and its cursor in one, without a server; `sent` has what psycopg2 would send."""

    is_pooled = False
    repertoire = SimpleNamespace(is_complete=True)

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.connection = self

    def execute(self, sql: str, binds: dict[str, Any]) -> None:
        self.sent.append(sql % binds)

    def run(self, statement: Statement, *_: object) -> list[Row]:
        execute_as_text(self, statement, "")
        return []


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


def test_the_text_of_a_page_is_translated_once_for_parts_of_all_sizes() -> None:
    connection = Connection()
    page = Statement("SELECT 1 FROM tickets t WHERE t.id % 10 = :digit_1", (("digit_1", 7),))
    before = to_pyformat.cache_info()
    for count in (8, 845, 846):
        Transaction(cast("ReplicaConnection", connection), Server(1, 77, 18)).open(page, count)
    after = to_pyformat.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
    cursor = "DECLARE page NO SCROLL CURSOR FOR\nSELECT 1 FROM tickets t WHERE t.id % 10 = 7;\nFETCH"
    assert connection.sent == [f"{cursor} {count} FROM page" for count in (8, 845, 846)]
