"""Connections through a pooler: each transaction may have another session, on another server."""

from dataclasses import replace
from typing import Any

from tickiti_query.cache.snapshot import Server
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.execution import BEGIN, ReplicaConnection, Transaction

# The server that a statement is read on, and the life of it. A pooler's clients do not notice a crash of the server
# behind it. The postmaster and its start time may be the same after a crash, but the server's counters begin anew.
LIFE = """(SELECT concat_ws(' ', system_identifier, current_setting('server_version_num'),
                  pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time())
 FROM pg_control_system())"""
IN_RECOVERY = Statement("SELECT pg_is_in_recovery()")


class PooledConnection(ReplicaConnection):
    """A connection to a pooler in transaction mode.

    Nothing is prepared, each transaction begins with `settings`, which is SQL, and each result names the server and its
    life.
    """

    is_pooled = True

    def __init__(self, dsn: str, *args: Any, settings: str, **kwargs: Any) -> None:
        super().__init__(dsn, *args, **kwargs)
        # Statements that are sent together are one transaction, which ends with the last.
        self.prefix = f"SET TRANSACTION READ ONLY; {settings}"
        self._begin = f"{BEGIN}; {settings}"

    def identify(self, generation: int) -> bool:
        """Note a server of which the generation alone is known: the pooler may lead to another one at any time."""
        [(in_recovery,)] = self.run(IN_RECOVERY, prefix=self.prefix)
        self.server = Server(generation, system=0, major=0)
        return bool(in_recovery)

    def ask(self, statement: Statement) -> tuple[Server, list[Row]]:
        located = replace(statement, sql=f"SELECT {LIFE}, q.* FROM (\n{statement.sql}\n) q")
        rows = self.run(located, prefix=self.prefix)
        return self._to_server(rows[0][0]), [row[1:] for row in rows]

    def begin(self) -> Transaction:
        [(life,)] = self.run(Statement(f"SELECT {LIFE}"), prefix=self._begin)
        return Transaction(self, self._to_server(life), prefix="")

    def _to_server(self, life: str) -> Server:
        system, version, started = life.split(" ", 2)
        return Server(self.server.generation, int(system), int(version) // 10_000, started)
