"""Read-only transactions: statements that are run in one snapshot of the replica."""

from tickiti_query.cache.snapshot import Server
from tickiti_query.model.source import Row
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import ReplicaConnection
from tickiti_query.replica.execution import Preparation, run_statement

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
COMMIT = "COMMIT"


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

    def end(self) -> None:
        """Commit, which gives the snapshot up."""
        if not self._prefix:
            with self._connection.cursor() as cursor:
                cursor.execute(COMMIT)
