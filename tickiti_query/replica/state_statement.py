"""The two statements in which the replica tells its state, prepared once a connection; they read no table."""

from datetime import UTC
from typing import Any

from tickiti_query.cache.snapshot import POSITION_SQL, REPLAYED_SQL, RUNNING_SQL, Server, Snapshot
from tickiti_query.model.statement import Statement
from tickiti_query.replica.faults import PoolerError

NAME = "tickiti_server_state"
NAME_WITH_LAG = "tickiti_server_state_with_lag"

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
STATEMENTS = {
    False: Statement(f"{STATE}, NULL AS lag"),
    True: Statement(STATE_WITH_LAG),
}  # by whether the lag is told
IDENTIFY = """
SELECT system_identifier, CAST(pg_postmaster_start_time() AS text), pg_is_in_recovery(), pg_backend_pid()
FROM pg_control_system()"""
# A recovery conflict may end the preparation half-way, and a prepared statement outlives the failure of what came
# with it; another attempt on the same connection must not stumble over it.
PREPARE = f"""DEALLOCATE ALL;
PREPARE {NAME} AS {STATEMENTS[False].sql};
PREPARE {NAME_WITH_LAG} AS {STATEMENTS[True].sql}"""


def prepare(connection: Any, generation: int) -> tuple[Server, bool]:
    """Make the statements ready on a new connection; answer which server it leads to, and whether it is a standby.

    Raises PoolerError where it leads to a pooler: what is prepared in its sessions, others would find there.
    """
    with connection.cursor() as cursor:
        cursor.execute(IDENTIFY)
        system, started, in_recovery, pid = cursor.fetchone()
        # A pooler makes up the process that it names to its clients.
        if pid != connection.info.backend_pid:
            raise PoolerError
        cursor.execute(PREPARE)
    return Server(generation, int(system), connection.server_version // 10_000, started), in_recovery


def execute(connection: Any, server: Server, *, with_lag: bool) -> Snapshot:
    """The server's state now, in one round trip. The lag takes as long as all the rest. Raises psycopg2.Error."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXECUTE {NAME_WITH_LAG if with_lag else NAME}")
        return read_state(server, cursor.fetchone())


def read_state(server: Server, row: tuple[Any, ...]) -> Snapshot:
    """The state in the row that either statement gives."""
    position, running, replayed_at, lag = row
    return Snapshot(
        server=server,
        position=position,
        running=running,
        replayed_at=replayed_at.astimezone(UTC) if replayed_at else None,
        lag_seconds=None if lag is None else max(0.0, float(lag)),
    )
