"""The one statement in which the replica tells its state; prepared once a connection, it reads no table."""

from datetime import UTC
from typing import Any

from tickiti_query.server_state import STAMP_SQL, Server, ServerState

NAME = "tickiti_server_state"

# In recovery, the text of a snapshot names no running transaction below xmax, so they are listed beside it; a
# range of more than 1,000 is not looked through, and nothing can be proved with it (`running` is NULL).
# A quiet link to the primary is no lag until it is quieter than its heartbeat, half of wal_receiver_timeout,
# and two seconds for its way. Where the role may not see the receiver (a pid, and no status), replay that has
# caught up with what was received counts as no lag.
SQL = f"""
SELECT {STAMP_SQL} AS stamp,
       CASE WHEN NOT r.in_recovery OR s.xmin = s.xmax THEN ''
            WHEN s.xmax - s.xmin <= 1000
            THEN (SELECT COALESCE(string_agg(CAST(x AS text), ',' ORDER BY x), '')
                  FROM generate_series(s.xmin, s.xmax - 1) x
                  WHERE pg_xact_status(CAST(CAST(x AS text) AS xid8)) = 'in progress')
       END AS running,
       r.in_recovery,
       CASE WHEN r.in_recovery THEN pg_last_xact_replay_timestamp() END AS replayed_at,
       CASE WHEN NOT r.in_recovery THEN 0
            WHEN l.status = 'streaming' AND pg_last_wal_replay_lsn() >= l.latest_end_lsn
            THEN CASE WHEN r.heartbeat = interval '0' THEN 0
                      WHEN clock_timestamp() - l.last_msg_receipt_time <= r.heartbeat + interval '2 s' THEN 0
                      ELSE EXTRACT(EPOCH FROM clock_timestamp() - l.last_msg_receipt_time) END
            WHEN l.pid IS NOT NULL AND l.status IS NULL
                 AND pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() THEN 0
            ELSE EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp())
       END AS lag
FROM (SELECT CAST(CAST(pg_snapshot_xmin(snapshot) AS text) AS bigint) AS xmin,
             CAST(CAST(pg_snapshot_xmax(snapshot) AS text) AS bigint) AS xmax
      FROM pg_current_snapshot() snapshot) s
CROSS JOIN (SELECT pg_is_in_recovery() AS in_recovery,
                   CAST(current_setting('wal_receiver_timeout') AS interval) / 2 AS heartbeat) r
LEFT JOIN pg_stat_wal_receiver l ON TRUE
"""
PREPARE = f"PREPARE {NAME} AS {SQL}; SELECT system_identifier FROM pg_control_system()"
EXECUTE = f"EXECUTE {NAME}"


def prepare(connection: Any, generation: int) -> Server:
    """Make the statement ready on a new connection; answer which server it leads to."""
    with connection.cursor() as cursor:
        cursor.execute(PREPARE)
        (system,) = cursor.fetchone()
    return Server(generation, int(system), connection.server_version // 10_000)


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
