"""Snapshots of the replica and their ids: what it shows at one moment, and when two moments show the same.

An id names a set of finished transactions of one server's one history. The validator of an answer is the id under which
it was read, if that id proves anything. While the server's id equals the validator, the answer is still exactly true.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tickiti_query.model.statement import Row, Statement

# The snapshot, and which life of which role of the server it belongs to.
POSITION_SQL = "concat_ws(' ', pg_current_snapshot(), pg_postmaster_start_time(), pg_is_in_recovery())"

# On a standby the text of a snapshot names no running transaction below its end, so they are listed beside it. A range
# of more than 1,000 is not looked through (NULL): nothing can be proved with it.
RUNNING_SQL = """(SELECT CASE WHEN NOT pg_is_in_recovery() OR pg_snapshot_xmin(c) = pg_snapshot_xmax(c) THEN ''
             ELSE (SELECT CASE WHEN x.next - x.first <= 1000
                          THEN (SELECT COALESCE(string_agg(CAST(i AS text), ',' ORDER BY i), '')
                                FROM generate_series(x.first, x.next - 1) i
                                WHERE pg_xact_status(CAST(CAST(i AS text) AS xid8)) = 'in progress')
                          END
                   FROM (SELECT CAST(CAST(pg_snapshot_xmin(c) AS text) AS bigint) AS first,
                                CAST(CAST(pg_snapshot_xmax(c) AS text) AS bigint) AS next) x)
             END
        FROM pg_current_snapshot() c)"""

# When the newest transaction was committed that a standby has replayed.
REPLAYED_SQL = "CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END"

# All in one text: what a statement sees. Without a third part the running ones are not known.
SNAPSHOT_ID_SQL = f"concat_ws('/', COALESCE(CAST({REPLAYED_SQL} AS text), ''), {POSITION_SQL}, {RUNNING_SQL})"
SNAPSHOT_ID = Statement(f"SELECT {SNAPSHOT_ID_SQL}", is_repeated=True)

# The state of the server: its snapshot and its lag.
STATE = f"""
SELECT {POSITION_SQL} AS position,
       {RUNNING_SQL} AS running,
       {REPLAYED_SQL} AS replayed_at"""

# A quiet link to the primary is no lag until it is quieter than its heartbeat, half of wal_receiver_timeout, and two
# seconds for its way. Where the role may not see the receiver (a pid, and no status), replay that has caught up with
# what was received counts as no lag.
STATE_WITH_LAG = f"""{STATE},
       CASE WHEN NOT pg_is_in_recovery() THEN 0
            WHEN l.status = 'streaming' AND pg_last_wal_replay_lsn() >= l.latest_end_lsn
            THEN CASE WHEN r.heartbeat = interval '0' THEN 0
                      WHEN clock_timestamp() - l.last_msg_receipt_time <= r.heartbeat + interval '2 s' THEN 0
                      ELSE EXTRACT(EPOCH FROM clock_timestamp() - l.last_msg_receipt_time) END
            WHEN l.pid IS NOT NULL AND l.status IS NULL
                 AND pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() THEN 0
            ELSE EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp())
       END AS lag,
       CASE WHEN pg_is_in_recovery()
            THEN EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END AS commit_age
FROM (SELECT CAST(current_setting('wal_receiver_timeout') AS interval) / 2 AS heartbeat) r
LEFT JOIN pg_stat_wal_receiver l ON TRUE
"""
# by whether the lag is read, which takes as long as all the rest
STATE_STATEMENTS = {
    False: Statement(f"{STATE}, NULL AS lag, NULL AS commit_age", is_repeated=True),
    True: Statement(STATE_WITH_LAG, is_repeated=True),
}

# The stress test has shown zero wrong proofs on these. A newer server may keep its snapshots in another way; older
# ones were not tested.
PROVEN_MAJORS = range(15, 19)


@dataclass(frozen=True, slots=True)
class Server:
    """The server that a connection leads to.

    `generation` counts the losses of connections: nothing that was proved before one is compared with what
    comes after it. `system` is the cluster's identifier, `major` the version, `started` when this life began.
    """

    generation: int
    system: int
    major: int
    started: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotId:
    """The transactions that a statement saw on a server: the position of its snapshot, and those that still ran.

    `running` lists the ids below the snapshot's end that had not finished, with commas, which the text of a standby's
    snapshot leaves out; None: there were too many to look through. `replayed_at`, the commit time of the newest
    transaction that was replayed, may change while all else stays equal, and is not compared.
    """

    server: Server
    position: str
    running: str | None
    replayed_at: datetime | None = field(default=None, compare=False)

    @property
    def xmax(self) -> int:
        """The first transaction id beyond the snapshot; it only grows along one history."""
        return int(self.position.split(":", 2)[1])

    @property
    def in_recovery(self) -> bool:
        """True where the server was a standby."""
        return self.position.endswith(" t")

    @property
    def running_ids(self) -> frozenset[int]:
        """The running transactions, as far as they are known."""
        return frozenset(map(int, self.running.split(","))) if self.running else frozenset()


def parse_snapshot_id(server: Server, text: str) -> SnapshotId:
    """Return the id in the text that SNAPSHOT_ID_SQL gives on a server."""
    replayed, _, rest = text.partition("/")
    position, bar, running = rest.partition("/")
    replayed_at = datetime.fromisoformat(replayed) if replayed else None
    return SnapshotId(server, position, running if bar else None, replayed_at)


def is_behind(snapshot_id: SnapshotId, earlier: SnapshotId) -> bool:
    """Return True where `snapshot_id` may lack something that `earlier` had.

    After a crash, or on another host, a transaction that `earlier` saw finished must not be running again; where
    that cannot be told, it counts as behind.
    """
    if snapshot_id.xmax < earlier.xmax:
        return True
    xmin = int(snapshot_id.position.partition(":")[0])  # the first transaction id that may still be running
    if snapshot_id.server == earlier.server or xmin >= earlier.xmax:
        return False
    if snapshot_id.running is None or earlier.running is None:
        return True
    return any(xid < earlier.xmax for xid in snapshot_id.running_ids - earlier.running_ids)


def is_older(snapshot_id: SnapshotId, other: SnapshotId) -> bool:
    """Return True where the first of two snapshots lacks something that the other has, or may lack it.

    Where it is not known what runs, the end of a snapshot decides within one life of a server.
    """
    if snapshot_id.server != other.server:
        return is_behind(snapshot_id, other)
    if snapshot_id.xmax != other.xmax or snapshot_id.running is None or other.running is None:
        return snapshot_id.xmax < other.xmax
    return not snapshot_id.running_ids <= other.running_ids


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A reading of the server at one moment. `lag_seconds` is an upper bound; None where nothing bounds it.

    `commit_age_seconds` is the age of the newest commit that a standby has replayed; None where it has replayed none.
    """

    snapshot_id: SnapshotId
    lag_seconds: float | None
    commit_age_seconds: float | None = None

    @property
    def validator(self) -> SnapshotId | None:
        """The id, where it proves answers: under equal ids every statement gives equal rows. None where it does not.

        Data is stored under an id that was read *before* the data, and the data's own id equals it: transactions only
        ever leave `running`, so one that finished in between makes the two differ.
        """
        is_proof = self.snapshot_id.running is not None and self.snapshot_id.server.major in PROVEN_MAJORS
        return self.snapshot_id if is_proof else None


def to_snapshot(server: Server, row: Row) -> Snapshot:
    """Return the snapshot in the row of a state statement."""
    position, running, replayed_at, lag, commit_age = row
    snapshot_id = SnapshotId(server, position, running, replayed_at.astimezone(UTC) if replayed_at else None)
    lag_seconds, age_seconds = (None if each is None else max(0.0, float(each)) for each in (lag, commit_age))
    return Snapshot(snapshot_id, lag_seconds, age_seconds)
