"""The pair that `bench.load` measures on: N tickets on a primary and its hot standby, a token, three perspectives."""

from __future__ import annotations

import contextlib
import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

from bench.million import build
from demo.directory import hold_directory
from demo.loading import create_reader, load_world
from demo.pair import Pair

SCHEMA = "reporting"
SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
    "wal_keep_size": "64GB",  # the build writes more than a standby replays meanwhile; nothing of it may go
}
START_SECONDS = 600.0  # one that was interrupted may have much to replay
REPLAY_SECONDS = 1800.0

TOKEN_ID = 1
SECRET = "BenchOnly000000000000000000000000000000"
TOKEN = f"{TOKEN_ID}|{SECRET}"
OWNER = 8  # of the staff; sees five of twenty queues, among them those that hold most tickets

INDEXED, SORTED, SEARCHED = 101, 102, 103
# What the three show, in the words of the report.
SCENARIOS = {
    INDEXED: "newest first: an index serves it",
    SORTED: "most urgent first, then oldest: no index serves it",
    SEARCHED: "a text in the tickets' responses",
}
SEARCH_TEXT = "quetzalith"


@contextlib.contextmanager
def open_pair(directory: Path, tickets: int) -> Iterator[Pair]:
    """A running pair with the bench world, built unless the directory holds it already; stopped at the end."""
    mark = f"tickiti-query bench.load {tickets} tickets"
    with hold_directory(directory, fresh=False), contextlib.ExitStack() as stack:
        pair = Pair.create(directory, settings=SETTINGS)
        stack.callback(pair.stop, signal.SIGINT)
        pair.start(START_SECONDS)
        marked = "SELECT obj_description(to_regnamespace(%s), 'pg_namespace')"
        if pair.primary.execute(marked, (SCHEMA,)) != [(mark,)]:
            print(f"Building {tickets:,} tickets in {directory}", flush=True)
            _stock(pair, tickets, mark)
            print("Waiting until the standby has replayed it", flush=True)
            pair.wait_replayed(REPLAY_SECONDS)
            pair.standby.execute("CHECKPOINT")  # from here on its next start is a short one
        _write_questions(pair)
        yield pair


def _stock(pair: Pair, tickets: int, mark: str) -> None:
    options = "-c synchronous_commit=local"  # the standby follows in its own time
    with contextlib.closing(pair.primary.connect(options=options)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
        build(connection, SCHEMA, tickets, with_indexes=True)
        create_reader(connection, SCHEMA)
        with connection.cursor() as cursor:
            cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS %s", (mark,))
            cursor.execute("CHECKPOINT")


def _write_questions(pair: Pair) -> None:
    """The bench's own rows, anew each time: they are few, and the world around them takes minutes."""
    rows = _make_rows()
    with contextlib.closing(pair.primary.connect()) as connection:
        with connection.cursor() as cursor:
            for relation in rows:
                column = "perspective_id" if relation.startswith("perspective_") else "id"
                numbers = [row[column] for row in rows[relation]]
                cursor.execute(f"DELETE FROM {SCHEMA}.{relation} WHERE {column} = ANY (%s)", (numbers,))
        load_world(connection, rows, SCHEMA)


def _make_rows() -> dict[str, list[dict[str, object]]]:
    condition = {"perspective_id": SEARCHED, "position": 1, "field": "content", "operator": "contains"}
    return {
        "personal_access_tokens": [
            {
                "id": TOKEN_ID,
                "tokenable_id": OWNER,
                "token": hashlib.sha256(SECRET.encode()).hexdigest(),
                "abilities": '["tickets:read"]',
                "created_at": "2026-01-01 00:00:00",
            }
        ],
        "perspectives": [{"id": number, "name": title, "owner_id": OWNER} for number, title in SCENARIOS.items()],
        "perspective_conditions": [{**condition, "value": SEARCH_TEXT}],
        "perspective_orders": [
            {"perspective_id": SORTED, "position": 1, "field": "priority", "ascending": False},
            {"perspective_id": SORTED, "position": 2, "field": "created_at", "ascending": True},
        ],
    }
