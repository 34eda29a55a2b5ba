"""The loading of a world of rows into the reporting relations, fast enough for thousands of worlds in a test."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from psycopg2 import extensions, sql
from psycopg2.extras import Json, execute_values

from tickiti_query.reporting.contract import RELATIONS

Row = dict[str, Any]
World = dict[str, list[Row]]  # relation name -> rows; a column a row leaves out takes the relation's default

READER = "tickiti_query"


def create_schema(connection: extensions.connection, schema: str = "reporting") -> None:
    """Make the schema with its relations, empty, in a transaction of its own."""
    name = sql.Identifier(schema)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA {0}; SET LOCAL search_path TO {0}").format(name))
        cursor.execute(read_ddl())


def read_ddl() -> str:
    """Return the statements that make the relations, empty, in the first schema of the search path."""
    return Path(__file__).with_name("reporting.sql").read_text("utf-8")


def create_reader(connection: extensions.connection, schema: str = "reporting", role: str = READER) -> None:
    """Make the role the service connects as: it may read the schema's relations, and see the replication."""
    names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema)}
    grants = (
        "GRANT USAGE ON SCHEMA {schema} TO {role};"
        "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};"
        "GRANT pg_monitor TO {role}"
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", (role,))
        if cursor.fetchone() == (0,):
            cursor.execute(sql.SQL("CREATE ROLE {role} LOGIN").format(**names))
        cursor.execute(sql.SQL(grants).format(**names))


def load_world(connection: extensions.connection, world: World, schema: str = "reporting") -> None:
    """Add the world's rows in one transaction; committed, and so on the standby, when this returns."""
    unknown = world.keys() - set(RELATIONS)
    if unknown:
        raise ValueError(f"no such relation: {', '.join(sorted(unknown))}")
    with connection, connection.cursor() as cursor:
        for relation, rows in world.items():
            alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)  # the same columns
            for row in rows:
                alike[tuple(row)].append(tuple(_adapt(relation, *each) for each in row.items()))
            for columns, values in alike.items():
                names = sql.SQL(", ").join(map(sql.Identifier, columns))
                target = sql.Identifier(schema, relation)
                statement = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(target, names)
                execute_values(cursor, statement, values, page_size=1000)


def _adapt(relation: str, column: str, value: Any) -> Any:
    return Json(value) if RELATIONS[relation].get(column) == "jsonb" else value
