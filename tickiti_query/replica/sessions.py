"""What a connection is to the server: a session of its own, or, behind a pooler, a way to any session at all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from tickiti_query.cache.snapshot import Server, Snapshot
from tickiti_query.model.source import Row
from tickiti_query.model.statement import Statement
from tickiti_query.replica import state_statement
from tickiti_query.replica.connection import Target
from tickiti_query.replica.transaction import BEGIN, Transaction, run, run_kept

# Which life of which server a statement is read in. A pooler's clients do not feel a crash of the server behind it,
# after which the postmaster, and so its start, may be the same; but its counters begin anew.
LIFE = """(SELECT concat_ws(' ', system_identifier, current_setting('server_version_num'),
                  pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time())
 FROM pg_control_system())"""


class Sessions(Protocol):
    """How connections are used. Every method raises psycopg2.Error.

    `prefix` is what the text of a statement begins with that is sent by itself. The server that `meet` gives is
    handed to the others; what they give names the one that was read.
    """

    prefix: str

    def meet(self, connection: Any, generation: int) -> tuple[Server, bool]:
        """Make a new connection ready; answer which server it leads to, and whether that is a standby."""

    def observe(self, connection: Any, server: Server, *, with_lag: bool) -> Snapshot:
        """The server's state now, in one round trip."""

    def begin(self, cursor: Any, server: Server) -> Transaction:
        """A snapshot."""

    def ask(self, connection: Any, server: Server, statement: Statement) -> tuple[Server, list[Row]]:
        """All rows of a statement that is asked again and again, in one round trip."""


class OwnSessions:
    """Each connection has a session of its own for as long as it lasts: what is set and prepared there stays."""

    prefix = ""

    def meet(self, connection: Any, generation: int) -> tuple[Server, bool]:
        return state_statement.prepare(connection, generation)

    def observe(self, connection: Any, server: Server, *, with_lag: bool) -> Snapshot:
        return state_statement.execute(connection, server, with_lag=with_lag)

    def begin(self, cursor: Any, server: Server) -> Transaction:
        return Transaction(cursor, server)

    def ask(self, connection: Any, server: Server, statement: Statement) -> tuple[Server, list[Row]]:
        return server, run_kept(connection, statement)


class PooledSessions:
    """Each transaction of a connection may be in another session, on another server.

    Nothing is prepared, the settings come with every transaction, and every reading says which life of which server
    it is of. `settings`: of a session, name and value.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        quoted = {name: value.replace("'", "''") for name, value in settings.items()}
        calls = ", ".join(f"set_config('{name}', '{value}', TRUE)" for name, value in quoted.items())
        self._set = f"SELECT {calls}; "
        # Statements that are sent together are one transaction, which ends with the last.
        self.prefix = f"SET TRANSACTION READ ONLY; {self._set}"

    def meet(self, connection: Any, generation: int) -> tuple[Server, bool]:
        """What the connection leads to may change: of the server that is given the generation alone holds."""
        with connection.cursor() as cursor:
            cursor.execute(f"{self.prefix}SELECT pg_is_in_recovery()")
            [in_recovery] = cursor.fetchone()
        return Server(generation, system=0, major=0), in_recovery

    def observe(self, connection: Any, server: Server, *, with_lag: bool) -> Snapshot:
        found, [row] = self.ask(connection, server, state_statement.STATEMENTS[with_lag])
        return state_statement.read_state(found, row)

    def begin(self, cursor: Any, server: Server) -> Transaction:
        cursor.execute(f"{BEGIN}; {self._set}SELECT {LIFE}")
        [life] = cursor.fetchone()
        return Transaction(cursor, read_server(server, life), prefix="", is_prepared=False)

    def ask(self, connection: Any, server: Server, statement: Statement) -> tuple[Server, list[Row]]:
        located = replace(statement, sql=f"SELECT {LIFE}, q.* FROM (\n{statement.sql}\n) q")
        with connection.cursor() as cursor:
            rows = run(cursor, self.prefix, located)
        return read_server(server, rows[0][0]), [row[1:] for row in rows]


def read_server(met: Server, life: str) -> Server:
    """The server in the text that LIFE gives, in the generation of the one that was met."""
    system, version, started = life.split(" ", 2)
    return Server(met.generation, int(system), int(version) // 10_000, started)


def choose_sessions(target: Target) -> Sessions:
    """What the target's connections are."""
    return PooledSessions(target.settings) if target.is_pooled else OwnSessions()
