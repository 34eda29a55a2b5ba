"""Build a large reporting schema: `python -m bench.million --tickets 1000000 'host=… dbname=…'`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from bench.world import Step
from bench.world_steps import list_steps
from demo.loading import read_ddl

INDEXES = Path(__file__).parents[1] / "deploy" / "reporting_indexes.sql"
BATCH = 500_000  # tickets to one statement where a step is written by ranges


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("url", help="libpq connection string of a server that may be written")
    parser.add_argument("--schema", default="reporting", help="is dropped and built anew")
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--no-indexes", action="store_true", help="leave deploy/reporting_indexes.sql out")
    arguments = parser.parse_args()
    connection = psycopg2.connect(arguments.url)
    connection.autocommit = True
    build(connection, arguments.schema, arguments.tickets, with_indexes=not arguments.no_indexes)
    connection.close()


def build(connection: Connection, schema: str, tickets: int, *, with_indexes: bool) -> None:
    """Drop the schema, build it with `tickets` tickets, and leave it vacuumed and analysed."""
    with connection.cursor() as cursor:
        name = sql.Identifier(schema)
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}").format(name))
        cursor.execute(sql.SQL("SET search_path = {}, public").format(name))
        for step in _list_all(tickets, with_indexes=with_indexes):
            started = time.perf_counter()
            for statement in _split_by_range(step.sql, tickets):
                cursor.execute(statement)
            print(f"{time.perf_counter() - started:8.1f} s  {step.title}", flush=True)


def _list_all(tickets: int, *, with_indexes: bool) -> Iterator[Step]:
    yield Step("contract", read_ddl())
    yield from list_steps(tickets)
    if with_indexes:
        yield Step("indexes", INDEXES.read_text())
    yield Step("vacuum and analyse", "VACUUM (ANALYZE)")


def _split_by_range(statement: str, tickets: int) -> Iterator[str]:
    if "{low}" not in statement:
        yield statement
        return
    for low in range(1, tickets + 1, BATCH):
        yield statement.format(low=low, high=min(low + BATCH - 1, tickets))


if __name__ == "__main__":
    main()
