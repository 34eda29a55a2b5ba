"""The connection pool: its bound, its order, the deadlines of borrowers, and its end."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR

from tickiti_query.cache.snapshot import Server
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.request import Deadline
from tickiti_query.replica import replica as replica_module
from tickiti_query.replica.connection import Target
from tickiti_query.replica.replica import Pool

SERVER = Server(generation=1, system=77, major=18)
NO_TIME = 0.0


class Connection:
    """A connection without a server. `status` is that of its transaction, which a rollback does not change."""

    def __init__(self, server: Server, *, is_standby: bool) -> None:
        self.server = server
        self.is_standby = is_standby
        self.ends_at = 0.0
        self.closed = False
        self.info = SimpleNamespace(transaction_status=TRANSACTION_STATUS_IDLE)

    def identify(self, generation: int) -> bool:
        assert generation == self.server.generation
        return self.is_standby

    def cursor(self) -> Any:
        raise psycopg2.OperationalError("the server is gone")

    def close(self) -> None:
        self.closed = True


class World:
    """A pool of two connections, and what it did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.identity = SERVER
        self.is_standby = True
        self.opened: list[Connection] = []
        self.lost: list[Pool] = []
        self.hosts: list[Any] = []
        self.answers = threading.Event()
        self.answers.set()
        self.ends_at = time.monotonic() + 60.0
        monkeypatch.setattr(replica_module, "connect", self.connect)
        target = Target("postgresql://one,two/tickiti", "reporting", statement_timeout_ms=5000)
        self.pool = Pool(target, 2, SERVER.generation, self.lost.append, require_standby=True)

    def connect(self, hosts: Any, _deadline: Deadline, examine: Callable[..., None]) -> Connection:
        self.answers.wait()
        self.hosts = [host["host"] for host in hosts]
        connection = Connection(self.identity, is_standby=self.is_standby)
        examine(connection, {"host": self.hosts[-1]})
        self.opened.append(connection)
        return connection


@pytest.fixture(name="w")
def make_world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_full_pool_lets_nobody_wait(w: World) -> None:
    with w.pool.connection(w.ends_at), w.pool.connection(w.ends_at):
        assert w.pool.count_in_use() == 2
        with pytest.raises(ReplicaUnavailable), w.pool.connection(w.ends_at):
            pass
    assert w.pool.count_in_use() == 0
    with w.pool.connection(w.ends_at):
        assert w.pool.count_in_use() == 1


def test_whoever_has_one_of_as_many_slots_finds_a_connection(w: World) -> None:
    slots = threading.Semaphore(2)

    def borrow(_number: int) -> int:
        with slots, w.pool.connection(w.ends_at):
            return w.pool.count_in_use()

    with ThreadPoolExecutor(8) as threads:
        in_use = list(threads.map(borrow, range(4000)))
    assert set(in_use) <= {1, 2}
    assert len(w.opened) <= 2


def test_the_connection_that_was_used_last_is_lent_first(w: World) -> None:
    with w.pool.connection(w.ends_at) as first:
        assert first.server == SERVER
        with w.pool.connection(w.ends_at) as second:
            assert second is not first
    for _ in range(3):
        with w.pool.connection(w.ends_at) as again:
            assert again is first
    assert len(w.opened) == 2


def test_a_connection_has_the_deadline_of_its_borrower(w: World) -> None:
    for ends_at in (w.ends_at, w.ends_at + 4.0):
        with w.pool.connection(ends_at) as connection:
            assert connection.ends_at == ends_at
    assert [connection.ends_at for connection in w.opened] == [w.ends_at + 4.0]


def test_the_first_connection_chooses_the_host_for_all(w: World) -> None:
    with w.pool.connection(w.ends_at):
        assert w.hosts == ["one", "two"]
        with w.pool.connection(w.ends_at):
            assert w.hosts == ["two"]


def test_a_connection_to_another_server_is_refused(w: World) -> None:
    with w.pool.connection(w.ends_at):
        w.identity = Server(generation=1, system=78, major=18)
        with pytest.raises(ReplicaUnavailable), w.pool.connection(w.ends_at):
            pass
    assert w.pool.count_in_use() == 0


def test_a_primary_is_refused_by_the_name_of_the_check(w: World) -> None:
    w.is_standby = False
    with pytest.raises(ReplicaUnavailable) as refused, w.pool.connection(w.ends_at):
        pass
    assert refused.value.check == "standby"
    w.is_standby = True
    with w.pool.connection(w.ends_at):
        pass


def test_a_failure_between_transactions_leaves_the_connection_open(w: World) -> None:
    with pytest.raises(ValueError, match="ours"), w.pool.connection(w.ends_at):
        raise ValueError("ours")
    assert not w.opened[0].closed
    assert not w.lost


def test_a_transaction_that_cannot_be_rolled_back_closes_the_connection(w: World) -> None:
    with w.pool.connection(w.ends_at):
        w.opened[0].info.transaction_status = TRANSACTION_STATUS_INERROR
    with pytest.raises(ValueError, match="ours"), w.pool.connection(w.ends_at):
        raise ValueError("ours")
    assert w.opened[0].closed
    assert w.lost == [w.pool]
    with w.pool.connection(w.ends_at):
        assert [connection.closed for connection in w.opened] == [True, False]


def test_a_closed_pool_closes_what_is_returned_to_it(w: World) -> None:
    with w.pool.connection(w.ends_at):
        with w.pool.connection(w.ends_at):
            pass
        w.pool.close()
        assert [connection.closed for connection in w.opened] == [False, True]
    assert [connection.closed for connection in w.opened] == [True, True]


def test_an_open_connection_is_lent_before_one_that_takes_long_to_open(w: World) -> None:
    with w.pool.connection(w.ends_at) as opened:
        pass
    w.answers.clear()
    with w.pool.connection(w.ends_at), pytest.raises(ReplicaUnavailable), w.pool.connection(NO_TIME):
        pass
    for _ in range(3):  # though the other was returned last
        with w.pool.connection(NO_TIME) as lent:
            assert lent is opened
    w.answers.set()
