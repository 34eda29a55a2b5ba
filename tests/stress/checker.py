"""Keeps rows as the service does, and compares every answer that is proved with the rows themselves.

How a proved answer is compared, so that there is neither a false alarm nor a miss:

1. A REPEATABLE READ transaction first locks the tables (ACCESS SHARE), so that no TRUNCATE, whose effect obeys
   no snapshot, falls between its statements.
2. Its first statement with a snapshot is the product's own prepared one, run by the product's own code: the
   validator that it tells is the one that a request would have got at this moment.
3. Its second statement reads the rows in the very same snapshot. Equal validators and different rows are
   therefore a wrong hit, and nothing else is.
4. Rows are compared whole, not by a digest; and every value ever written is a new one, so a commit that changed
   rows is always seen.
5. Rows are never stored from such a transaction: there the validator is not read before the data's snapshot.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, TypeVar

from tickiti_query.cache.snapshot import POSITION_SQL, RUNNING_SQL, STATE_STATEMENTS, Snapshot, SnapshotId
from tickiti_query.model.errors import QueryError
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Statement
from tickiti_query.replica.execution import BEGIN, ReplicaConnection, Transaction, deadline_from_now
from tickiti_query.replica.replica import OBSERVE_SECONDS, Replica

Validate = Callable[[Snapshot], Hashable]  # None: nothing can be proved

ROWS = """
SELECT (SELECT string_agg(concat(id, '=', value), ' ' ORDER BY id) FROM stress_rows),
       (SELECT string_agg(concat(value), ' ' ORDER BY value) FROM stress_side)
"""
SIGHT_AND_COUNT = Statement(f"SELECT {POSITION_SQL}, {RUNNING_SQL}, count(*) FROM stress_rows")
LOCK = f"{BEGIN}; LOCK TABLE stress_rows, stress_side IN ACCESS SHARE MODE"
MOST_ENTRIES = 5000
MOST_EXAMPLES = 5

Rows = tuple[Any, ...]
T = TypeVar("T")


class Memory:
    """The entries that the checkers have stored, each under its validator. The first entry of a validator stays.

    Nothing is thrown away but the oldest: not even after a crash, when a cache would start anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[float, Rows]] = OrderedDict()
        self.counts: Counter[str] = Counter()
        self.examples: list[str] = []

    def count(self, event: str) -> None:
        with self._lock:
            self.counts[event] += 1

    def store(self, validator: Hashable, rows: Rows) -> None:
        with self._lock:
            self.counts["stored"] += 1
            self._entries.setdefault(validator, (time.monotonic(), rows))
            if len(self._entries) > MOST_ENTRIES:
                self._entries.popitem(last=False)

    def compare(self, validator: Hashable, state: Snapshot, rows: Rows, *, began: float) -> bool:
        """Count a hit or a miss; False for a miss.

        Where the entry was stored only after the proof `began`, its rows may be newer than what the proof saw:
        the request that has both was under way at either moment. That is `crossed`, and no hit.
        """
        with self._lock:
            stored_at, stored = self._entries.get(validator, (began, None))
            if stored is None:
                self.counts["misses"] += 1
                return False
            if stored_at >= began:
                self.counts["crossed"] += 1
                self.counts["crossed, newer"] += stored != rows
                return True
            self.counts["hits"] += 1
            self.counts["hits among running"] += is_among_running(state)
            if stored != rows:
                self.counts["wrong"] += 1
                if len(self.examples) < MOST_EXAMPLES:
                    self.examples.append(f"{validator}\n  stored {stored}\n  shown  {rows}")
            return True


def is_among_running(state: Snapshot) -> bool:
    """Return whether some transaction older than the newest finished one is still running."""
    xmin, xmax = state.snapshot_id.position.split(":")[:2]
    return xmin != xmax


class OpenReplica(Replica):
    """The replica, with its connections in the open: a proof and the rows of its own snapshot are read on one."""

    def use(self, work: Callable[[ReplicaConnection], T], deadline: Deadline) -> T:
        """Return what `work` makes of a connection."""
        return self._use(work, deadline, OBSERVE_SECONDS)


class Checker(threading.Thread):
    """Stores the rows of a server, then asks for proof after proof until one fails, and begins anew."""

    def __init__(
        self, replica: OpenReplica, memory: Memory, validate: Validate, *, validator_first: bool, by_sight: bool
    ) -> None:
        super().__init__(name="checker")
        self.fault: BaseException | None = None
        self._replica = replica
        self._memory = memory
        self._validate = validate
        self._validator_first = validator_first
        self._by_sight = by_sight
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._store()
                while self._check() and not self._ended.is_set():
                    pass
            except QueryError:
                # The replica is down, or replay came first: the service answers 503 or 504 here.
                self._memory.count("faults")
                time.sleep(0.01)
            except BaseException as fault:
                self.fault = fault
                return

    def _is_same(self, snapshot_id: SnapshotId, state: Snapshot) -> bool:
        """As the service compares, or, where a weaker rule is to be caught, by the text of the snapshot alone."""
        shown = state.snapshot_id if self._by_sight else replace(state.snapshot_id, running=snapshot_id.running)
        return snapshot_id == shown

    def _store(self) -> None:
        """As the service does on a miss: the validator, then all data in one snapshot that tells its snapshot_id."""
        if self._validator_first:
            state = self._replica.observe(deadline_from_now(OBSERVE_SECONDS))
            snapshot_id, rows = self._read()
        else:
            snapshot_id, rows = self._read()
            state = self._replica.observe(deadline_from_now(OBSERVE_SECONDS))
        validator = self._validate(state)
        if validator is None:
            self._memory.count("unproved")
        elif self._is_same(snapshot_id, state):
            self._memory.store(validator, rows)

    def _read(self) -> tuple[SnapshotId, Rows]:
        def work(source: Transaction) -> tuple[SnapshotId, Rows]:
            [(position, running, _)] = source.fetch(SIGHT_AND_COUNT)
            [rows] = source.fetch(Statement(ROWS))
            return SnapshotId(source.server, position, running), rows

        return self._replica.read(work, deadline_from_now(self._replica.longest_read_seconds))

    def _check(self) -> bool:
        """One proof, compared with the rows of its own snapshot; False where it failed."""

        def work(connection: ReplicaConnection) -> tuple[Snapshot, Rows]:
            # In the transaction PREPARE would take the snapshot, and the state be read after it.
            if STATE_STATEMENTS[False].sql not in connection.prepared.by_text:
                connection.read_state(with_lag=False)
            with connection.cursor() as cursor:
                cursor.execute(LOCK)
                state = connection.read_state(with_lag=False)
                cursor.execute(ROWS)
                [rows] = cursor.fetchall()
                cursor.execute("COMMIT")
            return state, rows

        began = time.monotonic()
        state, rows = self._replica.use(work, deadline_from_now(OBSERVE_SECONDS))
        validator = self._validate(state)
        if validator is None:
            self._memory.count("unproved")
            return False
        return self._memory.compare(validator, state, rows, began=began)
