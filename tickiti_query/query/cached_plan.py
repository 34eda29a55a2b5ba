"""Cached plans: the token and the compiled statement of a request, so that it is read again in one round trip.

Between a request and its statement stand a few look-ups: the token, the perspective, names. Their results are the
preconditions of the statement. While they are the same, compiling again would give the same statement. So the checked
statement asks for preconditions and rows together, in one snapshot and one round trip, and gives rows only where every
precondition still holds. In the very snapshot in which the preconditions were read, the unchecked statement is enough.
"""

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from tickiti_query.cache.cache import OVERHEAD_BYTES
from tickiti_query.cache.snapshot import SNAPSHOT_ID_SQL, Server, SnapshotId, parse_snapshot_id
from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.statement import Binds, Precondition, Row, Statement, rename_binds
from tickiti_query.model.token import AuthenticatedToken
from tickiti_query.query.collector import BYTES_A_BYTE, PART_BYTES, PART_MEMORY

LARGEST_SMALL_BODY = 16 * PART_BYTES  # a list that may become larger comes in parts, however small it was
UNKNOWN_ROW_BYTES = 500


@dataclass(frozen=True, slots=True)
class CachedPlan:
    """The token, the query and the compiled statements of a request. `size` is about the bytes that they take.

    `checked` asks for the preconditions and the rows; `unchecked` asks for the rows alone, and is for the snapshot that
    `validator` names. `parse_plan_rows` takes the rows of either apart. `rows` and `body_bytes` are of the last answer.
    `is_provable`: a snapshot id proves the rows.
    """

    token: AuthenticatedToken
    size: int
    query: TicketQuery
    perspective_id: int | None
    columns: tuple[str, ...]
    checked: Statement
    unchecked: Statement
    is_provable: bool = True
    validator: SnapshotId | None = None
    rows: int = 0
    body_bytes: int = 0

    @property
    def bytes_a_row(self) -> int:
        """The bytes of a row in the last answer, or a guess where it had none."""
        return self.body_bytes // self.rows if self.rows else UNKNOWN_ROW_BYTES

    @property
    def is_small(self) -> bool:
        """True where the answer was small, and will not be much larger when it has all the rows that it may have."""
        return self.body_bytes <= PART_BYTES and self.bytes_a_row * self.query.row_limit <= LARGEST_SMALL_BODY

    @property
    def expected_bytes(self) -> int:
        """The memory that an answer like the last one takes while it is read."""
        return BYTES_A_BYTE * self.body_bytes if self.is_small else self.body_bytes + PART_MEMORY

    def is_like(self, validator: SnapshotId | None, rows: int, body_bytes: int) -> bool:
        """Return True where another answer tells nothing new about the plan."""
        is_close = 4 * abs(body_bytes - self.body_bytes) <= body_bytes and bool(rows) == bool(self.rows)
        return is_close and validator == self.validator


def parse_plan_rows(server: Server, rows: Sequence[Row]) -> tuple[SnapshotId, Sequence[Row]] | None:
    """Return the id of the snapshot and the rows; None where a precondition does not hold any more.

    Each row ends with a value that is not a column; removing it from every row would cost more than carrying it.
    """
    *_, snapshot_id = rows[0]
    return (parse_snapshot_id(server, snapshot_id), rows[1:]) if snapshot_id else None


def write_plan_statement(page: Statement, preconditions: Sequence[Precondition]) -> Statement:
    """Return one statement that gives the snapshot's id, NULL where a precondition fails, then the page's rows."""
    binds = Binds()
    conditions = []
    for number, precondition in enumerate(preconditions, start=1):
        lookup = rename_binds(precondition.statement.sql, f"_of_{number}")
        binds.params |= {f"{name}_of_{number}": value for name, value in precondition.statement.params}
        expected = binds.add("expected", precondition.rows)
        conditions.append(f"ARRAY(SELECT CAST(x AS text) FROM (\n{lookup}\n) x) = CAST({expected} AS text[])")
    holds = "\n  AND ".join(conditions) or "TRUE"
    columns = "NULL, " * len(page.columns)
    return Statement(
        f"WITH preconditions AS MATERIALIZED (\nSELECT CASE WHEN {holds}\n"
        f"THEN {SNAPSHOT_ID_SQL} END AS snapshot_id\n)\n"
        f"SELECT {columns}snapshot_id\nFROM preconditions\n"
        # UNION ALL reads its parts in order, and does not begin a part whose condition, which has no column, is false.
        f"UNION ALL\nSELECT page.*, NULL FROM (\n{page.sql}\n) page\n"
        f"WHERE (SELECT snapshot_id FROM preconditions) IS NOT NULL",
        (*binds.params.items(), *page.params),
    )


class PlanCache:
    """The plans of the questions that were asked last, at most `max_bytes` of them. Safe for threads.

    No plan is an answer: the replica tells each time whether its preconditions still hold.
    """

    def __init__(self, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._plans: LRUCache[Hashable, CachedPlan] = LRUCache(max_bytes, lambda plan: plan.size + OVERHEAD_BYTES)

    def get(self, key: Hashable) -> CachedPlan | None:
        """Return the plan of a question, or None."""
        with self._lock:
            return self._plans.get(key)

    def put(self, key: Hashable, plan: CachedPlan) -> None:
        """Keep a plan, unless it is larger than all plans together may be."""
        with self._lock:
            if plan.size + OVERHEAD_BYTES <= self._plans.maxsize:
                self._plans[key] = plan

    def drop(self, key: Hashable) -> None:
        """Forget a plan."""
        with self._lock:
            self._plans.pop(key, None)
