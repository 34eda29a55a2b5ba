"""A stand-in for the replica, with rows that need no database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from tickiti_query.cache.snapshot import SNAPSHOT_ID, Server, Snapshot, SnapshotId
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Statement
from tickiti_query.reporting.contract_source import CONTRACT_STATE

SERVER = Server(1, 7_500_000_000_000_000_000, 18)


class FakeReplica:
    """The replica's place in the composition: rows without a database, and a commit now and then."""

    longest_read_seconds = 6.0

    def __init__(self, *_: object, **__: object) -> None:
        self.transactions = 1000
        self.asked = 0
        row: tuple[Any, ...] = (
            123456,
            223456,
            "open",
            "Returns",
            "20",
            "Sole came off after two runs, order " + "9" * 30,
        )
        row += ("staff1@example.org", "customer1@example.com", "2026-05-01 10:11:12", "2026-05-02 10:11:12")
        self.rows = [row] * 101

    @property
    def position(self) -> str:
        return f"{self.transactions}:{self.transactions}: 2026-01-01 08:00:00+00 t"

    def observe(self, _deadline: Deadline, *, with_lag: bool) -> Snapshot:
        self.asked += 1
        if self.asked % 5000 == 0:
            self.transactions += 1
        return Snapshot(SnapshotId(SERVER, self.position, "", datetime.now(UTC)), 0.0 if with_lag else None)

    def read(self, work: Callable[[Any], Any], _deadline: Deadline) -> Any:
        return work(FakeSnapshot(self))

    def ask(self, _statement: Statement, _deadline: Deadline) -> tuple[Server, list[tuple[Any, ...]]]:
        """Return the rows of a cached plan; after every second reading of the state, that it holds no more."""
        if self.asked % 2:
            return SERVER, [(None,) * (len(self.rows[0]) + 1)]
        return SERVER, [(*self.rows[0], f"/{self.position}/"), *((*row, None) for row in self.rows)]

    def leave(self) -> None:
        """There is no other server to go to."""


class FakeSnapshot:
    """Answers the service's statements by what they select from."""

    server = SERVER

    def __init__(self, replica: FakeReplica) -> None:
        self._replica = replica

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        binds = dict(statement.params)
        if statement == SNAPSHOT_ID:
            return [(f"/{self._replica.position}/",)]
        if "FROM personal_access_tokens p" in statement.sql:
            user = int(str(binds["id"]))
            who = (user, f"staff{user}@example.org", True, True, False, [1, 2, 3, user])
            return [("(the row as text)", binds["digest"], '["tickets:read"]', None, None, None, *who)]
        if "FROM perspectives p" in statement.sql:
            return [("(1,All)", 1, "All", None, None, None, [], [], [])]
        if "FROM tickets t" in statement.sql:
            return self._replica.rows
        if statement == CONTRACT_STATE:
            return [("as it was",)]
        if "FROM pg_attribute" in statement.sql:
            return [("(the row as text)", "as it was")]
        return []  # of views and their rules

    def open(self, statement: Statement, count: int) -> list[tuple[Any, ...]]:
        self._rows = iter(self.fetch(statement))
        return self.fetch_more(count)

    def fetch_more(self, count: int) -> list[tuple[Any, ...]]:
        return list(islice(self._rows, count))
