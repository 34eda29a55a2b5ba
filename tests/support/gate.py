"""A relation that takes as long to read as a test wants: through a view that calls a function."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from demo.loading import READER
from demo.pair import Pair

# What waits at a gate may wait for longer than a service allows a statement by itself.
PATIENT = {"TICKITI_STATEMENT_TIMEOUT_MS": "60000"}
# They are called immutable, because answers that need another function are never kept, and with a column of each row,
# because the planner calls an immutable function without one.
NAP = """
CREATE OR REPLACE FUNCTION {schema}.nap(id bigint, seconds double precision) RETURNS boolean
IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(seconds); RETURN true; END $$
"""
# It waits for a lock that others hold without a wait for a lock, which has a limit of its own.
PASS_GATE = """
CREATE OR REPLACE FUNCTION {schema}.pass_gate(id bigint) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    WHILE NOT pg_try_advisory_xact_lock_shared(1) LOOP PERFORM pg_sleep(0.01); END LOOP;
    RETURN true;
END $$
"""


@contextlib.contextmanager
def read_through(pair: Pair, call: str, *, relation: str = "tickets", schema: str = "reporting", reader: str = READER
                 ) -> Iterator[str]:  # fmt: skip
    """Whoever reads a relation calls a function, of a row `t`; the name of the table that has its rows meanwhile."""
    table, view = f"{schema}.kept_{relation}", f"{schema}.{relation}"
    pair.primary.execute(
        f"ALTER TABLE {view} RENAME TO kept_{relation};"
        f"CREATE VIEW {view} AS SELECT t.* FROM {table} t, {call};"
        f"GRANT SELECT ON {view} TO {reader}"
    )
    try:
        yield table
    finally:
        pair.primary.execute(f"DROP VIEW {view}; ALTER TABLE {table} RENAME TO {relation}")


class Gate:
    """An open gate; `cursor` is of a session on the standby that may close it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def close(self) -> None:
        """Let wait who comes from now on."""
        self._cursor.execute("SELECT pg_advisory_lock(1)")

    def open(self) -> None:
        """Let all pass."""
        self._cursor.execute("SELECT pg_advisory_unlock_all()")


@contextlib.contextmanager
def closed_gate(pair: Pair) -> Iterator[Callable[[], None]]:
    """Whoever reads the tickets on the standby waits, until what is yielded is called, or the block ends."""
    with open_gate(pair) as gate:
        gate.close()
        yield gate.open


@contextlib.contextmanager
def open_gate(pair: Pair, *, schema: str = "reporting", reader: str = READER) -> Iterator[Gate]:
    """Whoever reads the tickets on the standby goes through a gate.

    Making it changes the schema, which ends all cached plans.
    """
    pair.primary.execute(PASS_GATE.format(schema=schema))
    with (
        read_through(pair, f"{schema}.pass_gate(t.id)", schema=schema, reader=reader),
        contextlib.closing(pair.standby.connect()) as keeper,
        keeper.cursor() as cursor,
    ):
        yield Gate(cursor)


def count_sleeping(pair: Pair, reader: str = READER) -> int:
    """Count the readings on the standby that sleep, or wait at a gate, each in its snapshot."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = %s"
    return int(pair.standby.execute(sql, (reader,))[0][0])
