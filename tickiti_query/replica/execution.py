"""A connection in use: it runs statements, as text or prepared, and waits for the server until a deadline."""

import itertools
import select
import time
from collections import OrderedDict
from enum import Enum
from functools import lru_cache
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.database_errors import DeadlinePassed, Ends, find_fault, note_relations
from tickiti_query.replica.encoding import Repertoire, adapt_binds

FOREIGN_WAIT_SECONDS = 10.0  # the longest wait of a connection that has no deadline: one that is not of this service
EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}
# The most statements that a connection keeps prepared with their values. A plan takes some 100 KiB on the server.
MOST_WITH_VALUES = 32
_pyformat = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
_numbered = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def deadline_from_now(seconds: float) -> Deadline:
    """Return the deadline that ends in `seconds`, by the monotonic clock."""
    return Deadline(time.monotonic() + seconds, time.monotonic)


def wait_for_server(connection: Any) -> None:
    """Wait until libpq is done. Raise DeadlinePassed at the connection's deadline. psycopg2 calls this to wait."""
    deadline: Deadline | None = getattr(connection, "deadline", None)
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), EVENTS[state])
        seconds = FOREIGN_WAIT_SECONDS if deadline is None else deadline.remaining_seconds
        if not poller.poll(seconds * 1000):
            raise DeadlinePassed("the server did not answer in time")


def install_wait_callback() -> None:
    """Make every connection of this process wait by its deadline."""
    extensions.set_wait_callback(wait_for_server)


class PreparedStatements:
    """The names that a connection's prepared statements have on the server.

    `by_text` has statements with parameters. `by_value` has statements with values, the least recently used first.
    """

    def __init__(self) -> None:
        self.by_text: dict[str, str] = {}
        self.by_value: OrderedDict[Statement, str] = OrderedDict()
        self._numbers = itertools.count(1)
        self._is_stale = False

    def make_name(self) -> str:
        """Return a name that is new on this connection: a PREPARE that failed may have left its statement behind."""
        return f"tickiti_query_{next(self._numbers)}"

    def find_by_value(self, statement: Statement) -> str | None:
        """Return the name of a statement with its values, which becomes the most recently used."""
        if statement not in self.by_value:
            return None
        self.by_value.move_to_end(statement)
        return self.by_value[statement]

    def make_room(self) -> str | None:
        """Forget the least recently used statement with values where they are too many. Return its name, or None."""
        if len(self.by_value) < MOST_WITH_VALUES:
            return None
        return self.by_value.popitem(last=False)[1]

    def forget_all(self) -> None:
        """Forget all statements: where one is gone, or was planned for columns of other types, others may be too."""
        self.by_text.clear()
        self.by_value.clear()
        self._is_stale = True

    def clear(self) -> str:
        """Return SQL that ends what was forgotten on the server too; empty where there is nothing."""
        is_stale, self._is_stale = self._is_stale, False
        return "DEALLOCATE ALL;\n" if is_stale else ""


class ReplicaConnection(extensions.connection):
    """A connection with the deadline of its user, which every wait for the server keeps, and its prepared statements.

    Whoever borrows a connection sets its `deadline`.
    """

    def __init__(self, dsn: str, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        self.deadline = deadline  # libpq connects, and waits, in the next line
        try:
            super().__init__(dsn, *args, **kwargs)
        except BaseException:
            self.close()  # or its socket would stay open as long as anybody has the error
            raise
        self.prepared = PreparedStatements()
        self.repertoire = Repertoire(self.info.parameter_status("server_encoding"))


class Preparation(Enum):
    """The way in which a statement is sent to the server."""

    NONE = "as text, and planned each time"
    WITH_PARAMETERS = "prepared by its text: one plan for all values"
    WITH_VALUES = "prepared with its values: the plan that fits them"


def run_statement(
    connection: ReplicaConnection,
    statement: Statement,
    preparation: Preparation = Preparation.NONE,
    prefix: str = "",
    suffix: str = "",
    reads: str | None = None,
) -> list[Row]:
    """Return all rows of a statement, with `prefix` before it and `suffix` behind it. Raise psycopg2.Error.

    `reads` is the SQL that reads relations, where the statement only goes on with another.
    """
    with connection.cursor() as cursor:
        try:
            if preparation is Preparation.WITH_PARAMETERS:
                execute_with_parameters(cursor, connection, statement, prefix)
            elif preparation is Preparation.WITH_VALUES:
                execute_with_values(cursor, connection, statement, prefix)
            else:
                sql = escape(prefix) + to_pyformat(statement.sql) + suffix
                cursor.execute(sql, list_binds(connection, statement))
        except psycopg2.Error as error:
            if find_fault(error).ends is Ends.STATEMENTS:
                connection.prepared.forget_all()
            note_relations(error, reads or statement.sql)
            raise
        rows: list[Row] = cursor.fetchall()
        return rows


def execute_with_parameters(cursor: Any, connection: ReplicaConnection, statement: Statement, prefix: str) -> None:
    """Execute a statement that is prepared by its text. The first time costs one more round trip."""
    prepared = connection.prepared
    sql, names = to_numbered(statement.sql)
    binds = list_binds(connection, statement)
    if statement.sql not in prepared.by_text:
        name = prepared.make_name()
        cursor.execute(f"{prefix}{prepared.clear()}PREPARE {name} AS {sql}")
        prepared.by_text[statement.sql] = name
        prefix = ""
    arguments = f" ({', '.join(['%s'] * len(names))})" if names else ""
    cursor.execute(
        f"{escape(prefix)}EXECUTE {prepared.by_text[statement.sql]}{arguments}",
        [binds[name] for name in names],
    )


def execute_with_values(cursor: Any, connection: ReplicaConnection, statement: Statement, prefix: str) -> None:
    """Execute a statement that is prepared with its values. The first time plans it, in the same round trip."""
    prepared = connection.prepared
    name = prepared.find_by_value(statement)
    if name is not None:
        cursor.execute(f"{prefix}EXECUTE {name}")
        return
    binds = list_binds(connection, statement)
    unused = prepared.make_room()
    deallocate = f"DEALLOCATE {unused};\n" if unused else prepared.clear()
    # The name is noted before the statement is sent: the server keeps what it has prepared where executing it fails.
    name = prepared.by_value[statement] = prepared.make_name()
    sql = f"{escape(prefix)}{deallocate}PREPARE {name} AS {to_pyformat(statement.sql)};\nEXECUTE {name}"
    cursor.execute(sql, binds)


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
