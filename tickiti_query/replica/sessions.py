"""Sessions on the server: a connection has its own, or, behind a pooler, each transaction has any."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from tickiti_query.cache.snapshot import Server, Snapshot
from tickiti_query.model.source import Row
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import ReplicaConnection, Target
from tickiti_query.replica.execution import Preparation, run_statement
from tickiti_query.replica.server_state import STATE_STATEMENTS, identify_server, to_server_state
from tickiti_query.replica.transaction import BEGIN, Transaction

# The server that a statement is read on, and the life of it. A pooler's clients do not notice a crash of the server
# behind it. The postmaster and its start time may be the same after a crash, but the server's counters begin anew.
LIFE = """(SELECT concat_ws(' ', system_identifier, current_setting('server_version_num'),
                  pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time())
 FROM pg_control_system())"""
IN_RECOVERY = Statement("SELECT pg_is_in_recovery()")


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


def to_server(identified: Server, life: str) -> Server:
    """Return the server in the text of LIFE, in the generation of the one that was identified."""
    system, version, started = life.split(" ", 2)
    return Server(identified.generation, int(system), int(version) // 10_000, started)


def choose_sessions(target: Target) -> Sessions:
    """Return the sessions that the connections to a target have."""
    return PoolerSessions(target.settings) if target.is_pooled else DirectSessions()
