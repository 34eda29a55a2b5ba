"""Sessions on the server: a connection has its own, or, behind a pooler, each transaction has any."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import Protocol, TypeVar

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from tickiti_query.cache.snapshot import POSITION_SQL, REPLAYED_SQL, RUNNING_SQL, Server, Snapshot, SnapshotId
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.connection import Target
from tickiti_query.replica.database_errors import UNREADABLE, PoolerError
from tickiti_query.replica.execution import Preparation, ReplicaConnection, run_statement

T = TypeVar("T")
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
IDENTITY = Statement("""
SELECT system_identifier, CAST(pg_postmaster_start_time() AS text), pg_is_in_recovery(), pg_backend_pid()
FROM pg_control_system()""")
# The server that a statement is read on, and the life of it. A pooler's clients do not notice a crash of the server
# behind it. The postmaster and its start time may be the same after a crash, but the server's counters begin anew.
LIFE = """(SELECT concat_ws(' ', system_identifier, current_setting('server_version_num'),
                  pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time())
 FROM pg_control_system())"""
ROLLBACK_SECONDS = 1.0
IN_RECOVERY = Statement("SELECT pg_is_in_recovery()")
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


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
    position, running, replayed_at, lag, commit_age = row
    snapshot_id = SnapshotId(position, running, replayed_at.astimezone(UTC) if replayed_at else None)
    lag_seconds, age_seconds = (None if each is None else max(0.0, float(each)) for each in (lag, commit_age))
    return Snapshot(server, snapshot_id, lag_seconds, age_seconds)


class Transaction:
    """A REPEATABLE READ, read-only transaction: all of its statements read one snapshot.

    `prefix` begins it in the round trip of its first statement; without `prefix` it has begun already. `may_prepare`:
    repeated statements are prepared.
    """

    def __init__(
        self,
        connection: ReplicaConnection,
        server: Server,
        *,
        prefix: str = f"{BEGIN}; ",
        may_prepare: bool = True,
    ) -> None:
        self.server = server
        self._connection = connection
        self._prefix = prefix
        self._may_prepare = may_prepare

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of the statement. Raise psycopg2.Error, which Replica turns into a QueryError."""
        is_prepared = statement.is_repeated and self._may_prepare
        preparation = Preparation.WITH_PARAMETERS if is_prepared else Preparation.NONE
        prefix, self._prefix = self._prefix, ""
        return run_statement(self._connection, statement, preparation, prefix)

    def open(self, statement: Statement, count: int) -> list[Row]:
        """Return the first rows of the transaction's one long statement, `count` at most. Raise psycopg2.Error."""
        declare = f"{self._prefix}DECLARE page NO SCROLL CURSOR FOR\n"
        self._opened, self._prefix = statement.sql, ""
        return run_statement(self._connection, statement, prefix=declare, suffix=f";\nFETCH {count} FROM page")

    def fetch_more(self, count: int) -> list[Row]:
        """Return the rows that follow, `count` at most. Raise psycopg2.Error."""
        return run_statement(self._connection, Statement(f"FETCH {count} FROM page"), reads=self._opened)

    def end(self) -> None:
        """Commit, which gives the snapshot up."""
        if not self._prefix:
            with self._connection.cursor() as cursor:
                cursor.execute("COMMIT")


class Sessions(Protocol):
    """The use of connections. Every method raises psycopg2.Error.

    `prefix` is SQL that a statement outside a transaction begins with. `server` is what `identify` returned; the server
    in a result is the one that was read.
    """

    prefix: str

    def identify(self, connection: ReplicaConnection, generation: int) -> tuple[Server, bool]:
        """Return the server that a new connection leads to, and true where the server is a standby."""

    def read_state(self, connection: ReplicaConnection, server: Server, *, with_lag: bool) -> Snapshot:
        """Return the server's state now, in one round trip."""

    def begin(self, connection: ReplicaConnection, server: Server) -> Transaction:
        """Return a read-only transaction."""

    def fetch(self, connection: ReplicaConnection, server: Server, statement: Statement) -> tuple[Server, list[Row]]:
        """Return all rows of a statement that comes again and again, in one round trip."""

    def is_outdated(self, connection: ReplicaConnection) -> bool:
        """Return true where the session's role is no more; one of its name may be there, which new sessions have."""


class DirectSessions:
    """Sessions without a pooler: each connection has one of its own, whose settings and prepared statements stay."""

    prefix = ""

    def identify(self, connection: ReplicaConnection, generation: int) -> tuple[Server, bool]:
        return identify_server(connection, generation)

    def read_state(self, connection: ReplicaConnection, server: Server, *, with_lag: bool) -> Snapshot:
        [row] = run_statement(connection, STATE_STATEMENTS[with_lag], Preparation.WITH_PARAMETERS)
        return to_server_state(server, row)

    def begin(self, connection: ReplicaConnection, server: Server) -> Transaction:
        return Transaction(connection, server)

    def fetch(self, connection: ReplicaConnection, server: Server, statement: Statement) -> tuple[Server, list[Row]]:
        return server, run_statement(connection, statement, Preparation.WITH_VALUES)

    def is_outdated(self, connection: ReplicaConnection) -> bool:
        if not end_transaction(connection):
            return True
        try:
            run_statement(connection, Statement("SELECT session_user"))  # an error where the role was dropped
        except psycopg2.Error:
            return True
        return False


class PoolerSessions:
    """Sessions behind a pooler: each transaction of a connection may have another session, on another server.

    Nothing is prepared, each transaction sets `settings` for itself, and each result names the server and its life.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        quoted = {name: value.replace("'", "''") for name, value in settings.items()}
        calls = ", ".join(f"set_config('{name}', '{value}', TRUE)" for name, value in quoted.items())
        self._set = f"SELECT {calls}; "
        # Statements that are sent together are one transaction, which ends with the last.
        self.prefix = f"SET TRANSACTION READ ONLY; {self._set}"

    def identify(self, connection: ReplicaConnection, generation: int) -> tuple[Server, bool]:
        """Return a server of which the generation alone is known: the pooler may lead to another one at any time."""
        [(in_recovery,)] = run_statement(connection, IN_RECOVERY, prefix=self.prefix)
        return Server(generation, system=0, major=0), in_recovery

    def read_state(self, connection: ReplicaConnection, server: Server, *, with_lag: bool) -> Snapshot:
        found, [row] = self.fetch(connection, server, STATE_STATEMENTS[with_lag])
        return to_server_state(found, row)

    def begin(self, connection: ReplicaConnection, server: Server) -> Transaction:
        [(life,)] = run_statement(connection, Statement(f"SELECT {LIFE}"), prefix=f"{BEGIN}; {self._set}")
        return Transaction(connection, to_server(server, life), prefix="", may_prepare=False)

    def fetch(self, connection: ReplicaConnection, server: Server, statement: Statement) -> tuple[Server, list[Row]]:
        located = replace(statement, sql=f"SELECT {LIFE}, q.* FROM (\n{statement.sql}\n) q")
        rows = run_statement(connection, located, prefix=self.prefix)
        return to_server(server, rows[0][0]), [row[1:] for row in rows]

    def is_outdated(self, connection: ReplicaConnection) -> bool:  # noqa: ARG002  its sessions are the pooler's
        return False


def to_server(identified: Server, life: str) -> Server:
    """Return the server in the text of LIFE, in the generation of the one that was identified."""
    system, version, started = life.split(" ", 2)
    return Server(identified.generation, int(system), int(version) // 10_000, started)


def choose_sessions(target: Target) -> Sessions:
    """Return the sessions that the connections to a target have."""
    return PoolerSessions(target.settings) if target.is_pooled else DirectSessions()


def end_transaction(connection: ReplicaConnection) -> bool:
    """Roll back what failed. Return false where the connection cannot be used any more."""
    if connection.closed:
        return False
    connection.deadline = connection.deadline.within(ROLLBACK_SECONDS)
    try:
        if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
    except psycopg2.Error:
        return False
    return bool(connection.info.transaction_status == TRANSACTION_STATUS_IDLE)


def read_every_byte(work: Callable[[ReplicaConnection, Server], T], connection: ReplicaConnection, server: Server) -> T:
    """Return the result of `work`. Where it reads a byte that is no character, it is done again, and decoded here."""
    deadline = connection.deadline
    try:
        return work(connection, server)
    except UNREADABLE:
        if not end_transaction(connection):
            raise
    connection.deadline = deadline
    connection.set_client_encoding(connection.repertoire.unconverted)
    try:
        return work(connection, server)
    finally:
        if end_transaction(connection):
            connection.set_client_encoding("UTF8")
