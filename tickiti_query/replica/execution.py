"""The one function that runs a statement on a connection: as text, or as a prepared statement."""

from enum import Enum
from functools import lru_cache
from typing import Any

from psycopg2 import errors
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from tickiti_query.model.source import Row
from tickiti_query.model.statement import Bind, Statement
from tickiti_query.replica.connection import ReplicaConnection
from tickiti_query.replica.prepared_statements import PreparedStatements

_pyformat = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
_numbered = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


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
) -> list[Row]:
    """Return all rows of a statement. `prefix` is SQL that is sent before it. Raise psycopg2.Error."""
    with connection.cursor() as cursor:
        try:
            if preparation is Preparation.WITH_PARAMETERS:
                execute_with_parameters(cursor, connection.prepared, statement, prefix)
            elif preparation is Preparation.WITH_VALUES:
                execute_with_values(cursor, connection.prepared, statement, prefix)
            else:
                sql = escape(prefix) + to_pyformat(statement.sql)
                cursor.execute(sql, adapt_binds(statement))
        except errors.InvalidSqlStatementName:
            connection.prepared.forget(statement)
            raise
        rows: list[Row] = cursor.fetchall()
        return rows


def execute_with_parameters(cursor: Any, prepared: PreparedStatements, statement: Statement, prefix: str) -> None:
    """Execute a statement that is prepared by its text. The first time costs one more round trip."""
    sql, names = to_numbered(statement.sql)
    if statement.sql not in prepared.by_text:
        name = prepared.make_name()
        cursor.execute(f"{prefix}PREPARE {name} AS {sql}")
        prepared.by_text[statement.sql] = name
        prefix = ""
    binds = statement.binds
    arguments = f" ({', '.join(['%s'] * len(names))})" if names else ""
    cursor.execute(
        f"{escape(prefix)}EXECUTE {prepared.by_text[statement.sql]}{arguments}",
        [adapt_bind(binds[name]) for name in names],
    )


def execute_with_values(cursor: Any, prepared: PreparedStatements, statement: Statement, prefix: str) -> None:
    """Execute a statement that is prepared with its values. The first time plans it, in the same round trip."""
    name = prepared.find_by_value(statement)
    if name is not None:
        cursor.execute(f"{prefix}EXECUTE {name}")
        return
    unused = prepared.make_room()
    deallocate = f"DEALLOCATE {unused};\n" if unused else ""
    # The name is noted before the statement is sent: the server keeps what it has prepared where executing it fails.
    name = prepared.by_value[statement] = prepared.make_name()
    sql = f"{escape(prefix)}{deallocate}PREPARE {name} AS {to_pyformat(statement.sql)};\nEXECUTE {name}"
    cursor.execute(sql, adapt_binds(statement))


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


def adapt_bind(value: Bind) -> Any:
    """Return a value as psycopg2 takes it: a tuple becomes a list, which is an array in SQL."""
    return list(value) if isinstance(value, tuple) else value


def adapt_binds(statement: Statement) -> dict[str, Any]:
    """Return the binds of a statement as psycopg2 takes them."""
    return {name: adapt_bind(value) for name, value in statement.params}
