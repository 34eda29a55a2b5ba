"""The one statement in which the replica tells its state; prepared once a connection, it reads no table."""

from datetime import UTC
from typing import Any

from tickiti_query.server_state import RUNNING_SQL, STAMP_SQL, Server, ServerState

NAME = "tickiti_server_state"

# A quiet link to the primary is no lag until it is quieter than its heartbeat, half of wal_receiver_timeout, and two
# seconds for its way. Where the role may not see the receiver (a pid, and no status), replay that has caught up with
# what was received counts as no lag.
SQL = f"""
SELECT {STAMP_SQL} AS stamp,
       {RUNNING_SQL} AS running,
       pg_is_in_recovery() AS in_recovery,
       CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END AS replayed_at,
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
IDENTIFY = """
SELECT system_identifier, CAST(pg_postmaster_start_time() AS text), pg_is_in_recovery()
FROM pg_control_system()"""
# A recovery conflict may end the preparation half-way, and a prepared statement outlives the failure of what came
# with it; another attempt on the same connection must not stumble over it.
PREPARE = f"DEALLOCATE ALL; PREPARE {NAME} AS {SQL}; {IDENTIFY}"
EXECUTE = f"EXECUTE {NAME}"


def prepare(connection: Any, generation: int) -> tuple[Server, bool]:
    """Make the statement ready on a new connection; answer which server it leads to, and whether it is a standby."""
    with connection.cursor() as cursor:
        cursor.execute(PREPARE)
        system, started, in_recovery = cursor.fetchone()
    return Server(generation, int(system), connection.server_version // 10_000, started), in_recovery


def execute(connection: Any, server: Server) -> ServerState:
    """The server's state now, in one round trip. Raises psycopg2.Error."""
    with connection.cursor() as cursor:
        cursor.execute(EXECUTE)
        stamp, running, in_recovery, replayed_at, lag = cursor.fetchone()
    return ServerState(
        server=server,
        stamp=stamp,
        running=running,
        in_recovery=in_recovery,
        replayed_at=replayed_at.astimezone(UTC) if replayed_at else None,
        lag_seconds=None if lag is None else max(0.0, float(lag)),
    )
