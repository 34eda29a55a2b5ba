"""Statements that read the identity and the state of the server. They read no table."""

from datetime import UTC

from tickiti_query.cache.snapshot import POSITION_SQL, REPLAYED_SQL, RUNNING_SQL, Server, Snapshot
from tickiti_query.model.source import Row
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import ReplicaConnection
from tickiti_query.replica.database_errors import PoolerError
from tickiti_query.replica.execution import run_statement

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
       END AS lag
FROM (SELECT CAST(current_setting('wal_receiver_timeout') AS interval) / 2 AS heartbeat) r
LEFT JOIN pg_stat_wal_receiver l ON TRUE
"""
# by whether the lag is read, which takes as long as all the rest
STATE_STATEMENTS = {
    False: Statement(f"{STATE}, NULL AS lag", is_repeated=True),
    True: Statement(STATE_WITH_LAG, is_repeated=True),
}
IDENTITY = Statement("""
SELECT system_identifier, CAST(pg_postmaster_start_time() AS text), pg_is_in_recovery(), pg_backend_pid()
FROM pg_control_system()""")


def identify_server(connection: ReplicaConnection, generation: int) -> tuple[Server, bool]:
    """Return the server that a new connection leads to, and true where the server is a standby.

    Raise PoolerError where the connection leads to a pooler: its other clients would find our prepared statements.
    """
    [(system, started, in_recovery, pid)] = run_statement(connection, IDENTITY)
    # A pooler tells its clients a process id that it has made up.
    if pid != connection.info.backend_pid:
        raise PoolerError
    return Server(generation, int(system), connection.server_version // 10_000, started), in_recovery


def to_server_state(server: Server, row: Row) -> Snapshot:
    """Return the state in the row of a state statement."""
    position, running, replayed_at, lag = row
    return Snapshot(
        server=server,
        position=position,
        running=running,
        replayed_at=replayed_at.astimezone(UTC) if replayed_at else None,
        lag_seconds=None if lag is None else max(0.0, float(lag)),
    )
