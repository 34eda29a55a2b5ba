"""The check of a pooler: transactions can be begun, and connections share sessions."""

from collections.abc import Iterator

import psycopg2

from tickiti_query.cli.checks.result import CheckResult, fault, warning
from tickiti_query.cli.session import Session
from tickiti_query.model.statement import Statement
from tickiti_query.replica.database_errors import describe_connect_error
from tickiti_query.replica.execution import ReplicaConnection

PROCESS = "SELECT pg_backend_pid()"
ROUNDS = 5  # a pooler that hands out its sessions in turn repeats itself sooner, on a replica that is not busy


def check_pooler(session: Session) -> Iterator[CheckResult]:
    """Yield the faults of the pooler that TICKITI_POOLER speaks of. One in transaction mode has none."""
    if session.settings.pooler != "transaction":
        return
    own, other = set(), set()
    try:
        with session.connect_again() as connection:
            for _ in range(ROUNDS):
                other.add(read_in_transaction(session, connection))
                own.add(session.fetch(PROCESS)[0][0])
    except psycopg2.Error as error:
        yield fault("pooler", describe_connect_error(error))
        return
    if len(own) == len(other) == 1 and own != other:
        most = session.settings.connections * session.settings.workers
        yield warning(
            "pooler",
            "each connection keeps a session of its own: pool_mode is session, or there is no pooler. This service"
            f" holds up to {most}; pool_mode = transaction shares them",
        )


def read_in_transaction(session: Session, connection: ReplicaConnection) -> int:
    """Return the process id of the server's session in a transaction, begun and ended as the service does it."""
    server, _ = session.sessions.identify(connection, generation=0)
    transaction = session.sessions.begin(connection, server)
    [(process,)] = transaction.fetch(Statement(PROCESS))
    transaction.end()
    return int(process)
