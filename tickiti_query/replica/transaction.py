"""One read-only snapshot of the replica, and statements run in it."""

from functools import lru_cache
from typing import Any

from psycopg2 import errors
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from tickiti_query.cache.snapshot import Server
from tickiti_query.model.source import Row
from tickiti_query.model.statement import Bind, Statement

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_dialect = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
_numbering = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

# How many statements a connection keeps planned. A plan takes some 100 KiB of the server's memory.
MOST_KEPT = 32


@lru_cache(maxsize=1024)
def adapt_sql(sql: str) -> str:
    """The text of a statement with psycopg2's placeholders in place of `:name`."""
    return str(text(sql).compile(dialect=_dialect))


def adapt_bind(value: Bind) -> Any:
    """A value as psycopg2 takes it: what is a tuple here is an array there."""
    return list(value) if isinstance(value, tuple) else value


@lru_cache(maxsize=64)
def number_binds(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text of a statement with `$1`, `$2` in place of `:name`, and the names in that order."""
    compiled = text(sql).compile(dialect=_numbering)
    return str(compiled), tuple(compiled.positiontup or ())


def run(cursor: Any, sql: str, statement: Statement) -> list[Row]:
    """All rows of a statement; `sql` is put before its text. Raises psycopg2.Error."""
    binds = {name: adapt_bind(value) for name, value in statement.params}
    cursor.execute(sql + adapt_sql(statement.sql), binds)
    rows: list[Row] = cursor.fetchall()
    return rows


def run_kept(connection: Any, statement: Statement) -> list[Row]:
    """All rows of a statement that is asked again and again, in a snapshot of its own. Raises psycopg2.Error.

    The connection keeps it with its values in it, and so with the one plan that fits them; the first time plans it.
    """
    with connection.cursor() as cursor:
        try:
            if statement in connection.kept:
                connection.kept.move_to_end(statement)
                cursor.execute(f"EXECUTE {connection.kept[statement]}")
            else:
                keep_and_run(cursor, connection, statement)
        except errors.InvalidSqlStatementName:
            connection.kept.pop(statement, None)
            raise
        rows: list[Row] = cursor.fetchall()
        return rows


def keep_and_run(cursor: Any, connection: Any, statement: Statement) -> None:
    """Prepare a statement, in the place of the longest unused one where there are many, and run it."""
    kept = connection.kept
    oldest = f"DEALLOCATE {kept.popitem(last=False)[1]};\n" if len(kept) >= MOST_KEPT else ""
    connection.keepings += 1
    name = f"tickiti_query_kept_{connection.keepings}"
    # Noted before it is sent: what is prepared stays so where running it fails.
    kept[statement] = name
    prepare = f"{oldest}PREPARE {name} AS {adapt_sql(statement.sql)};\nEXECUTE {name}"
    cursor.execute(prepare, {bind: adapt_bind(value) for bind, value in statement.params})


class Transaction:
    """A REPEATABLE READ, read-only transaction: everything fetched in it is seen in one snapshot.

    It begins together with its first statement, which costs no round trip of its own; without `prefix` it has begun.
    `is_prepared`: what is asked again and again is prepared.
    """

    def __init__(
        self, cursor: Any, server: Server, *, prefix: str = f"{BEGIN}; ", is_prepared: bool = True
    ) -> None:
        self.server = server
        self._cursor = cursor
        self._prefix = prefix
        self._is_prepared = is_prepared

    def fetch(self, statement: Statement) -> list[Row]:
        """All rows of `statement`. Raises psycopg2.Error, which the replica translates."""
        if statement.is_repeated and self._is_prepared:
            return self._fetch_prepared(statement)
        return run(self._cursor, self._take_prefix(), statement)

    def _take_prefix(self) -> str:
        prefix, self._prefix = self._prefix, ""
        return prefix

    def _fetch_prepared(self, statement: Statement) -> list[Row]:
        """The same with a statement that the connection keeps; the first time costs one more round trip."""
        prepared = self._cursor.connection.prepared
        sql, names = number_binds(statement.sql)
        if sql not in prepared:
            name = f"tickiti_query_{len(prepared) + 1}"
            self._cursor.execute(f"{self._take_prefix()}PREPARE {name} AS {sql}")
            prepared[sql] = name
        binds = statement.binds
        places = ", ".join(["%s"] * len(names))
        arguments = f" ({places})" if names else ""
        call = f"{self._take_prefix()}EXECUTE {prepared[sql]}{arguments}"
        self._cursor.execute(call, [adapt_bind(binds[name]) for name in names])
        rows: list[Row] = self._cursor.fetchall()
        return rows

    def end(self) -> None:
        """Give the snapshot up."""
        if not self._prefix:
            self._cursor.execute("COMMIT")
