"""A connection in use: statements, as text or prepared, alone or in a transaction, with an end to each wait."""

import itertools
import select
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import psycopg2
from cachetools import LRUCache
from psycopg2 import extensions
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from tickiti_query.cache.snapshot import STATE_STATEMENTS, Server, Snapshot, to_snapshot
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.database_errors import DeadlinePassed, Ends, PoolerError, find_fault, note_relations
from tickiti_query.replica.encoding import Repertoire, adapt_binds

FOREIGN_WAIT_SECONDS = 10.0  # the longest wait of a connection that has no deadline: one that is not of this service
EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
IDENTITY = Statement("""
SELECT system_identifier, CAST(pg_postmaster_start_time() AS text), pg_is_in_recovery(), pg_backend_pid()
FROM pg_control_system()""")
# The most statements that a connection keeps prepared with their values. A plan takes some 100 KiB on the server.
MOST_WITH_VALUES = 32
_pyformat = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
_numbered = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def deadline_from_now(seconds: float) -> Deadline:
    """Return the deadline that ends in `seconds`, by the monotonic clock."""
    return Deadline(time.monotonic() + seconds, time.monotonic)


def wait_for_server(connection: Any) -> None:
    """Wait until libpq is done. Raise DeadlinePassed at the connection's deadline. psycopg2 calls this to wait."""
    ends_at: float | None = getattr(connection, "ends_at", None)
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), EVENTS[state])
        seconds = FOREIGN_WAIT_SECONDS if ends_at is None else max(0.0, ends_at - time.monotonic())
        if not poller.poll(seconds * 1000):
            raise DeadlinePassed("the server did not answer in time")


def install_wait_callback() -> None:
    """Make every connection of this process wait by its deadline."""
    extensions.set_wait_callback(wait_for_server)


class PreparedStatements:
    """The names that a connection's prepared statements have on the server.

    `by_text` has statements with parameters, `by_value` statements with their values.
    """

    def __init__(self) -> None:
        self.by_text: dict[str, str] = {}
        self.by_value: LRUCache[Statement, str] = LRUCache(MOST_WITH_VALUES)
        self._numbers = itertools.count(1)
        self._is_stale = False

    def make_name(self) -> str:
        """Return a name that is new on this connection: a PREPARE that failed may have left its statement behind."""
        return f"tickiti_query_{next(self._numbers)}"

    def forget_all(self) -> None:
        """Forget all statements: where one is gone, or was planned for columns of other types, others may be too."""
        self.by_text.clear()
        self.by_value.clear()
        self._is_stale = True

    def clear(self) -> str:
        """Return SQL that ends what was forgotten on the server too; empty where there is nothing."""
        is_stale, self._is_stale = self._is_stale, False
        return "DEALLOCATE ALL;\n" if is_stale else ""


def execute_as_text(cursor: Any, statement: Statement, prefix: str) -> None:
    """Execute a statement that is planned each time."""
    cursor.execute(escape(prefix) + to_pyformat(statement.sql), list_binds(cursor.connection, statement))


def execute_with_parameters(cursor: Any, statement: Statement, prefix: str) -> None:
    """Execute a statement that is prepared by its text: one plan for all values. It costs one more round trip, once."""
    prepared: PreparedStatements = cursor.connection.prepared
    sql, names = to_numbered(statement.sql)
    binds = list_binds(cursor.connection, statement)
    if statement.sql not in prepared.by_text:
        name = prepared.make_name()
        cursor.execute(f"{prefix}{prepared.clear()}PREPARE {name} AS {sql}")
        prepared.by_text[statement.sql] = name
        prefix = ""
    arguments = f" ({', '.join(['%s'] * len(names))})" if names else ""
    sql = f"{escape(prefix)}EXECUTE {prepared.by_text[statement.sql]}{arguments}"
    cursor.execute(sql, [binds[name] for name in names])


def execute_with_values(cursor: Any, statement: Statement, prefix: str) -> None:
    """Execute a statement that is prepared with its values: a plan that fits them, made in the first round trip."""
    prepared: PreparedStatements = cursor.connection.prepared
    name = prepared.by_value.get(statement)
    if name is not None:
        cursor.execute(f"{prefix}EXECUTE {name}")
        return
    binds = list_binds(cursor.connection, statement)
    is_full = len(prepared.by_value) == MOST_WITH_VALUES
    deallocate = f"DEALLOCATE {prepared.by_value.popitem()[1]};\n" if is_full else prepared.clear()
    # The name is noted before the statement is sent: the server keeps what it has prepared where executing it fails.
    name = prepared.by_value[statement] = prepared.make_name()
    sql = f"{escape(prefix)}{deallocate}PREPARE {name} AS {to_pyformat(statement.sql)};\nEXECUTE {name}"
    cursor.execute(sql, binds)


class ReplicaConnection(extensions.connection):
    """A connection with a session of its own on the server, whose settings and prepared statements stay.

    Its borrower sets `ends_at`, the moment by the monotonic clock until which it waits. `server` is known once it is
    identified. `prefix` is SQL that a statement outside a transaction begins with. Every method raises psycopg2.Error.
    """

    is_pooled = False
    prefix = ""
    server: Server

    def __init__(self, dsn: str, *args: Any, ends_at: float, **kwargs: Any) -> None:
        self.ends_at = ends_at  # libpq connects, and waits, in the next line
        try:
            super().__init__(dsn, *args, **kwargs)
        except BaseException:
            self.close()  # or its socket would stay open as long as anybody has the error
            raise
        self.prepared = PreparedStatements()
        self.repertoire = Repertoire(self.info.parameter_status("server_encoding"))

    def identify(self, generation: int) -> bool:
        """Note the server that the connection leads to. Return true where the server is a standby.

        Raise PoolerError where the connection leads to a pooler: its other clients would find our prepared statements.
        """
        [(system, started, in_recovery, pid)] = self.run(IDENTITY)
        # A pooler tells its clients a process id that it has made up.
        if pid != self.info.backend_pid:
            raise PoolerError
        self.server = Server(generation, int(system), self.server_version // 10_000, started)
        return bool(in_recovery)

    def read_state(self, *, with_lag: bool) -> Snapshot:
        """Return the server's state now, in one round trip."""
        server, [row] = self.ask(STATE_STATEMENTS[with_lag])
        return to_snapshot(server, row)

    def ask(self, statement: Statement) -> tuple[Server, list[Row]]:
        """Return the server, and all rows of a statement that comes again and again, in one round trip."""
        execute = execute_with_parameters if statement.is_repeated else execute_with_values
        return self.server, self.run(statement, execute)

    def begin(self) -> "Transaction":
        """Return a read-only transaction."""
        return Transaction(self, self.server)

    def run(
        self,
        statement: Statement,
        execute: Callable[[Any, Statement, str], None] = execute_as_text,
        prefix: str = "",
        reads: str | None = None,
    ) -> list[Row]:
        """Return all rows of a statement, with `prefix` before it.

        `reads` is the SQL that reads relations, where the statement only goes on with another.
        """
        with self.cursor() as cursor:
            try:
                execute(cursor, statement, prefix)
            except psycopg2.Error as error:
                if find_fault(error).ends is Ends.STATEMENTS:
                    self.prepared.forget_all()
                note_relations(error, reads or statement.sql)
                raise
            rows: list[Row] = cursor.fetchall()
            return rows


class Transaction:
    """A REPEATABLE READ, read-only transaction: all of its statements read one snapshot.

    `prefix` begins it in the round trip of its first statement; without `prefix` it has begun already.
    """

    def __init__(self, connection: ReplicaConnection, server: Server, prefix: str = f"{BEGIN}; ") -> None:
        self.server = server
        self._connection = connection
        self._prefix = prefix

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of the statement. Raise psycopg2.Error, which Replica turns into a QueryError."""
        is_prepared = statement.is_repeated and not self._connection.is_pooled
        execute = execute_with_parameters if is_prepared else execute_as_text
        prefix, self._prefix = self._prefix, ""
        return self._connection.run(statement, execute, prefix)

    def open(self, statement: Statement, count: int) -> list[Row]:
        """Return the first rows of the transaction's one long statement, `count` at most. Raise psycopg2.Error."""
        self._opened = statement.sql
        # The count is a bind, so that the text is the same for each: it is translated once, and kept once.
        declare = f"DECLARE page NO SCROLL CURSOR FOR\n{statement.sql};\nFETCH :fetched FROM page"
        return self.fetch(replace(statement, sql=declare, params=(*statement.params, ("fetched", count))))

    def fetch_more(self, count: int) -> list[Row]:
        """Return the rows that follow, `count` at most. Raise psycopg2.Error."""
        return self._connection.run(Statement(f"FETCH {count} FROM page"), reads=self._opened)

    def end(self) -> None:
        """Commit, which gives the snapshot up."""
        if not self._prefix:
            with self._connection.cursor() as cursor:
                cursor.execute("COMMIT")


def list_binds(connection: ReplicaConnection, statement: Statement) -> dict[str, Any]:
    """Return the binds of a statement as psycopg2 takes them: a tuple becomes a list, which is an array in SQL."""
    if connection.repertoire.is_complete:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in statement.params}
    return adapt_binds(connection, statement)


@lru_cache(maxsize=1024)
def to_pyformat(sql: str) -> str:
    """Return the text of a statement with psycopg2's placeholders, `%(name)s`, in place of `:name`."""
    return str(text(sql).compile(dialect=_pyformat))


@lru_cache(maxsize=64)
def to_numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of a statement with `$1`, `$2` in place of `:name`, and the names in that order."""
    compiled = text(sql).compile(dialect=_numbered)
    return str(compiled), tuple(compiled.positiontup or ())


def escape(sql: str) -> str:
    """Return SQL without placeholders so that psycopg2 finds none in it."""
    return sql.replace("%", "%%")
