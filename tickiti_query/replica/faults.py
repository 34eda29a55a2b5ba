"""What a fault of the replica means to a caller: one table, SQLSTATE -> error."""

from typing import Any

import psycopg2

from tickiti_query.model.errors import QueryError, QueryTimeout, ReplicaUnavailable
from tickiti_query.replica.deadline import DeadlinePassed

# A statement or the wait for a lock was ended by its time limit.
TIMEOUTS = {"57014", "55P03"}
# A relation or schema that is not there, or that may not be read. A session keeps the role and the path that it began
# with, though the role has been made anew meanwhile: another session may find what this one never will.
UNSEEN = {"42501", "42P01", "3F000"}
# serialization_failure (a recovery conflict), deadlock_detected: over as soon as they are tried again
CONFLICTS = {"40001", "40P01"}
# A reporting contract that is not (yet, any more) there: undefined table, column, function, schema; datatype
# mismatch; insufficient privilege; a materialized view without data. It comes back with a migration that ends.
CONTRACT = UNSEEN | {"42703", "42883", "42804", "55000"}
# A prepared statement whose columns have changed their type: the connection that keeps it is of no further use.
STALE_PLAN = "0A000"
# A prepared statement that is not there, for preparing it has failed: it is prepared again.
UNPREPARED = "26000"
# Whole classes: connection, resources, operator intervention, system.
CLASSES = {"08", "53", "57", "58"}


class PoolerError(psycopg2.OperationalError):
    """A pooler is in between, and we were not told."""

    def __init__(self) -> None:
        super().__init__(
            "A pooler is between the service and its replica, and TICKITI_POOLER does not say so."
        )


def is_lost(error: psycopg2.Error, connection: Any) -> bool:
    """Whether the connection is of no further use. A fault that has no SQLSTATE came from no living session."""
    return bool(connection.closed) or error.pgcode in {None, STALE_PLAN}


def may_be_outdated(error: psycopg2.Error) -> bool:
    """Whether another session, begun now, may see what this one does not."""
    return error.pgcode in UNSEEN


def is_passing(error: psycopg2.Error) -> bool:
    """Whether the same may go well at once: on another connection, or because it only collided with replay."""
    return error.pgcode in {None, STALE_PLAN, UNPREPARED} or error.pgcode in CONFLICTS


def translate_fault(error: psycopg2.Error) -> QueryError:
    """The error that the caller gets. Its message says nothing of the statement."""
    code = error.pgcode
    if isinstance(error, DeadlinePassed) or code in TIMEOUTS:
        return QueryTimeout()
    if code in {None, STALE_PLAN, UNPREPARED} or code in CONFLICTS | CONTRACT or code[:2] in CLASSES:
        return ReplicaUnavailable()
    return QueryError()
