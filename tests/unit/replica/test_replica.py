"""The connection pool: its bound, its order, the deadlines of borrowers, connections that take long, and its end."""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR

from tests.support.running import wait_until
from tickiti_query.cache.snapshot import Server
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.request import Deadline
from tickiti_query.replica import replica as replica_module
from tickiti_query.replica.connect_reasons import TIMEOUT
from tickiti_query.replica.connection import Target
from tickiti_query.replica.replica import Pool, Replica

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
        self.repertoire = SimpleNamespace(unconverted="SQL_ASCII")
        self.encodings: list[str] = []

    def identify(self, generation: int) -> bool:
        assert generation == self.server.generation
        return self.is_standby

    def cursor(self) -> Any:
        raise psycopg2.OperationalError("the server is gone")

    def set_client_encoding(self, encoding: str) -> None:
        self.encodings.append(encoding)

    def begin(self) -> Any:
        return SimpleNamespace(end=lambda: None)

    def close(self) -> None:
        self.closed = True


class World:
    """A pool of two connections, and what it did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.identity = SERVER
        self.is_standby = True
        self.opened: list[Any] = []
        self.lost: list[Pool] = []
        self.hosts: list[Any] = []
        self.attempts = 0
        self.ended = 0
        self.failure: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.ends_at = time.monotonic() + 60.0
        monkeypatch.setattr(replica_module, "connect", self.connect)
        target = Target("postgresql://one,two/tickiti", "reporting", statement_timeout_ms=5000)
        self.pool = Pool(target, 2, SERVER.generation, self.lost.append, require_standby=True)

    def connect(self, hosts: Any, _deadline: Deadline, examine: Callable[..., None]) -> Connection:
        self.attempts += 1
        self.answers.wait()
        try:
            if self.failure is not None:
                raise self.failure
            self.hosts = [host["host"] for host in hosts]
            connection = Connection(self.identity, is_standby=self.is_standby)
            examine(connection, {"host": self.hosts[-1]})
            self.opened.append(connection)
            return connection
        finally:
            self.ended += 1

    def get_reason(self, ends_at: float) -> str:
        """The reason why a borrower gets no connection."""
        with pytest.raises(ReplicaUnavailable) as raised, self.pool.connection(ends_at):
            pass
        return raised.value.reason


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


def test_an_attempt_goes_on_when_its_first_borrower_has_no_more_time(w: World) -> None:
    w.answers.clear()
    for _ in range(3):
        assert w.get_reason(NO_TIME) == TIMEOUT
    assert w.pool.count_in_use() == 0
    w.answers.set()
    with w.pool.connection(w.ends_at) as connection:
        assert ([connection], w.attempts) == (w.opened, 1)
    with w.pool.connection(NO_TIME) as again:
        assert again is connection


def test_as_many_attempts_are_under_way_as_there_are_borrowers(w: World) -> None:
    w.answers.clear()
    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(w.get_reason, time.monotonic() + 0.1) for _ in range(2))
        assert first.result() == second.result() == TIMEOUT
    assert w.get_reason(NO_TIME) == TIMEOUT
    w.answers.set()
    with w.pool.connection(w.ends_at), w.pool.connection(w.ends_at):
        assert (w.attempts, len(w.opened)) == (2, 2)


def test_a_failed_attempt_is_told_and_tried_anew(w: World) -> None:
    w.failure = ReplicaUnavailable(reason="the password is wrong")
    assert w.get_reason(w.ends_at) == "the password is wrong"
    w.failure = None
    with w.pool.connection(w.ends_at) as connection:
        assert ([connection], w.attempts) == (w.opened, 2)


def test_a_failure_that_nobody_waited_for_is_told_while_the_next_attempt_takes_long(w: World) -> None:
    w.answers.clear()
    w.failure = ReplicaUnavailable(reason="the password is wrong")
    assert w.get_reason(NO_TIME) == TIMEOUT
    w.answers.set()
    wait_until(lambda: w.ended == 1)
    w.answers.clear()
    wait_until(lambda: w.get_reason(NO_TIME) == "the password is wrong")
    w.answers.set()


def test_a_connection_that_was_closed_is_opened_anew(w: World) -> None:
    with w.pool.connection(w.ends_at) as connection:
        connection.close()
    with w.pool.connection(w.ends_at) as connection:
        assert connection is w.opened[1]


@pytest.mark.parametrize("is_early", [True, False])
def test_a_closed_pool_leaves_no_attempt_behind(w: World, *, is_early: bool) -> None:
    w.answers.clear()
    assert w.get_reason(NO_TIME) == TIMEOUT
    if is_early:
        w.pool.close()
    w.answers.set()
    wait_until(lambda: bool(w.opened))
    w.pool.close()
    wait_until(lambda: w.opened[0].closed)


def test_an_attempt_that_a_borrower_of_a_closed_pool_gives_up_is_closed(w: World) -> None:
    w.answers.clear()
    w.pool.close()
    assert w.get_reason(NO_TIME) == TIMEOUT
    w.answers.set()
    wait_until(lambda: bool(w.opened) and w.opened[0].closed)


def test_a_second_reading_without_conversion_holds_nothing_of_the_first(w: World) -> None:
    target = Target("postgresql://one/tickiti", "reporting", statement_timeout_ms=5000)
    handled: list[BaseException | None] = []

    def work(_transaction: Any) -> int:
        handled.append(sys.exception())  # it would keep the first reading's frames, with the rows in them
        if len(handled) == 1:
            raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid")
        return 5

    assert Replica(target, connections=1).read(work, Deadline(w.ends_at, time.monotonic)) == 5
    assert handled == [None, None]
    assert w.opened[0].encodings == ["SQL_ASCII", "UTF8"]
