"""One read-only snapshot of the replica, and statements run in it."""

from functools import lru_cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from tickiti_query.server_state import Server
from tickiti_query.statement import Bind, Statement

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_dialect = PGDialect_psycopg2()  # type: ignore[no-untyped-call]

Row = tuple[Any, ...]


@lru_cache(maxsize=1024)
def adapt_sql(sql: str) -> str:
    """The text of a statement with psycopg2's placeholders in place of `:name`."""
    return str(text(sql).compile(dialect=_dialect))


def adapt_bind(value: Bind) -> Any:
    """A value as psycopg2 takes it: what is a tuple here is an array there."""
    return list(value) if isinstance(value, tuple) else value


def run(cursor: Any, sql: str, statement: Statement) -> list[Row]:
    """All rows of a statement; `sql` is put before its text. Raises psycopg2.Error."""
    binds = {name: adapt_bind(value) for name, value in statement.params}
    cursor.execute(sql + adapt_sql(statement.sql), binds)
    rows: list[Row] = cursor.fetchall()
    return rows


class Transaction:
    """A REPEATABLE READ, read-only transaction: everything fetched in it is seen in one snapshot.

    It begins together with its first statement, which costs no round trip of its own.
    """

    def __init__(self, cursor: Any, server: Server) -> None:
        self.server = server
        self._cursor = cursor
        self._begun = False

    def fetch(self, statement: Statement) -> list[Row]:
        """All rows of `statement`. Raises psycopg2.Error, which the replica translates."""
        prefix = "" if self._begun else f"{BEGIN}; "
        self._begun = True
        return run(self._cursor, prefix, statement)

    def end(self) -> None:
        """Give the snapshot up."""
        if self._begun:
            self._cursor.execute("COMMIT")
