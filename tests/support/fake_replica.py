"""A replica without a server: three tokens, a few perspectives, three tickets; for tests of the HTTP edge."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tickiti_query.cache.snapshot import SNAPSHOT_ID, Server, Snapshot, SnapshotId
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Statement
from tickiti_query.reporting import columns, contract_source, tokens, view_rules

STAMP = "10:20: 2026-05-01 t"
SERVER = Server(generation=1, system=77, major=18)
STATE = Snapshot(SnapshotId(SERVER, STAMP, "", datetime(2026, 5, 2, 11, 30, 48, 5, tzinfo=UTC)), lag_seconds=0.0)
# what goes behind `Bearer` -> the row's abilities and allowed_ip
TOKENS: dict[str, tuple[str | None, str | None]] = {
    "1|reader": ('["tickets:read"]', None),
    "2|blunt": ('["ticket-index"]', None),
    "3|elsewhere": ('["*"]', "10.0.0.0/8"),
}
TICKET = (
    1,
    220009,
    "open",
    "Returns",
    "20",
    "Carbon plate cracked on first marathon",
    "priya.sharma@sole-provider.example",
    "marcus@trailblazers-club.example",
    "2026-05-01 09:14:02",
    "2026-05-02 11:30:48",
)
TICKETS = [(number, *TICKET[1:]) for number in (1, 2, 3)]
# id -> name, conditions
PERSPECTIVES: dict[int, tuple[str, list[str]]] = {
    1: ("All", []),
    3: ("Open returns", ['["status", "is", "\\"open\\""]']),
    9: ("Strange", ['["moon", "is", "\\"full\\""]']),
}


class FakeReplica:
    """Answers the statements of a request by which of them it is; raises what a test puts into its faults."""

    longest_read_seconds = 1.0

    def __init__(self) -> None:
        self.server = SERVER
        self.state = STATE
        self.observe_fault: Exception | None = None
        self.read_fault: Exception | None = None
        self.reads = 0
        self.rows_left: list[tuple[Any, ...]] = []

    def observe(self, deadline: Deadline, *, with_lag: bool) -> Snapshot:
        if self.observe_fault:
            raise self.observe_fault
        return self.state if with_lag else replace(self.state, lag_seconds=None)

    def read(self, work: Callable[[Any], Any], deadline: Deadline) -> Any:
        self.reads += 1
        if self.read_fault:
            raise self.read_fault
        return work(self)

    def ask(self, statement: Statement, deadline: Deadline) -> tuple[Server, list[tuple[Any, ...]]]:
        """Say that a precondition does not hold, so that everything is read anew."""
        return SERVER, [(None,) * (2 + len(statement.columns))]

    def leave(self) -> None:
        """There is no other server to go to."""

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        binds = dict(statement.params)
        if statement == SNAPSHOT_ID:
            running = self.state.snapshot_id.running
            return [(f"/{STAMP}" if running is None else f"/{STAMP}/{running}",)]
        if statement == contract_source.CONTRACT_STATE:
            return [("as it was",)]
        if "FROM pg_attribute" in statement.sql:
            return record([("as it was",)])
        if statement.sql == columns.COLUMNS_THERE or statement == view_rules.NAMED:
            return []
        if statement.sql == contract_source.PLAIN_BENEATH:
            return []
        if "pg_get_viewdef" in statement.sql:
            return []
        if "FROM personal_access_tokens p" in statement.sql:
            return record(find_token_rows(binds))
        if "FROM perspectives p" in statement.sql:
            return record(find_perspective_rows(binds))
        assert "FROM tickets t" in statement.sql
        return TICKETS[: int(str(binds["limit_1"]))]

    def open(self, statement: Statement, count: int) -> list[tuple[Any, ...]]:
        rows = self.fetch(statement)
        self.rows_left = rows[count:]
        return rows[:count]

    def fetch_more(self, count: int) -> list[tuple[Any, ...]]:
        rows, self.rows_left = self.rows_left[:count], self.rows_left[count:]
        return rows


def record(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(str(row), *row) for row in rows]


def find_token_rows(binds: dict[str, Any]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for plain_text, (abilities, allowed_ip) in TOKENS.items():
        number, _, secret = plain_text.partition("|")
        digest = hashlib.sha256(secret.encode()).hexdigest()
        if binds["digest"] == digest and binds["id"] in {tokens.ANY_ID, int(number)}:
            owner: tuple[Any, ...] = (7, "priya.sharma@sole-provider.example", True, True, True, [])
            rows.append((digest, abilities, allowed_ip, None, None, *owner))
    return rows


def find_perspective_rows(binds: dict[str, Any]) -> list[tuple[Any, ...]]:
    wanted = binds.get("id", 1)
    return [
        (number, name, None, None, None, conditions, [], [])
        for number, (name, conditions) in PERSPECTIVES.items()
        if number == wanted
    ]
