"""Errors of the database and the QueryError that each becomes, by SQLSTATE."""

from collections.abc import Sequence
from typing import Any

import psycopg2

from tickiti_query.model.errors import QueryError, QueryTimeout, ReplicaUnavailable
from tickiti_query.replica.connect_reasons import find_reason, join_reasons
from tickiti_query.replica.execution import DeadlinePassed

# query_canceled by statement_timeout, lock_not_available by lock_timeout
TIMEOUTS = {"57014", "55P03"}
# A relation or schema that does not exist, or that may not be read. A session keeps the role and the search path that
# it began with. Where the role was dropped and created again, a new session may read what this session cannot.
NOT_VISIBLE = {"42501", "42P01", "3F000"}
# serialization_failure (a recovery conflict), deadlock_detected: a second attempt succeeds
CONFLICTS = {"40001", "40P01"}
# A reporting contract that is not complete: undefined table, column, function, schema; datatype mismatch; insufficient
# privilege; a materialized view without data. The end of a migration completes it.
CONTRACT = NOT_VISIBLE | {"42703", "42883", "42804", "55000"}
# feature_not_supported: a prepared statement whose columns have changed their types. Its connection is closed.
STALE_PLAN = "0A000"
# invalid_sql_statement_name: a prepared statement that does not exist, because preparing it failed
NOT_PREPARED = "26000"
# Whole classes: connection, resources, operator intervention, system.
CLASSES = {"08", "53", "57", "58"}


class PoolerError(psycopg2.OperationalError):
    """A pooler stands before the server, and the settings do not say so."""

    def __init__(self) -> None:
        super().__init__("A pooler is between the service and its replica, and TICKITI_POOLER does not say so.")


class NoStandbyError(psycopg2.OperationalError):
    """The server is a primary, and a standby is required."""

    def __init__(self) -> None:
        super().__init__("the server is a primary, and TICKITI_REQUIRE_STANDBY asks for a hot standby")


class OtherServerError(psycopg2.OperationalError):
    """The server is not the one that the other connections of the pool lead to."""

    def __init__(self) -> None:
        super().__init__("The connection leads to another server than the others of this worker.")


class PasswordFileError(psycopg2.OperationalError):
    """The file of the password cannot be read, or holds none."""

    def __init__(self) -> None:
        super().__init__("The file of TICKITI_REPLICA_PASSWORD_FILE cannot be read by this process, or is empty.")


OURS = (NoStandbyError, OtherServerError, PasswordFileError, PoolerError)  # errors whose text is our own sentence


class NoConnectionError(psycopg2.OperationalError):
    """No host of the URL gave a connection. `errors` has the last error of each host, in their order."""

    def __init__(self, errors: Sequence[psycopg2.Error]) -> None:
        super().__init__(join_reasons([describe_connect_error(error) for error in errors]))
        self.errors = tuple(errors)


def describe_connect_error(error: psycopg2.Error) -> str:
    """Return the reason why no connection was made, in a sentence of our own that holds no part of the URL."""
    if isinstance(error, (*OURS, NoConnectionError)):
        return str(error)
    return find_reason(error.pgcode, str(error))


def is_lost(error: psycopg2.Error, connection: Any) -> bool:
    """Return true where the connection cannot be used any more. An error without SQLSTATE came from no live session."""
    return bool(connection.closed) or error.pgcode in {None, STALE_PLAN}


def may_be_outdated(error: psycopg2.Error) -> bool:
    """Return true where a new session may see what the session of the error does not."""
    return error.pgcode in NOT_VISIBLE


def is_worth_a_retry(error: psycopg2.Error) -> bool:
    """Return true where a second attempt may succeed at once, on another connection or after a conflict with replay."""
    return error.pgcode in {None, STALE_PLAN, NOT_PREPARED} or error.pgcode in CONFLICTS


def to_query_error(error: psycopg2.Error) -> QueryError:
    """Return the error for the caller. Its message does not quote the statement."""
    code = error.pgcode
    if isinstance(error, DeadlinePassed) or code in TIMEOUTS:
        return QueryTimeout()
    if code is None or code[:2] in CLASSES:
        return ReplicaUnavailable(reason=describe_connect_error(error))
    if code in {STALE_PLAN, NOT_PREPARED} or code in CONFLICTS | CONTRACT:
        return ReplicaUnavailable()
    return QueryError()


def to_connect_error(error: psycopg2.Error) -> ReplicaUnavailable:
    """Return the error for a caller who got no connection. Its reason is for operators alone."""
    last = error.errors[-1] if isinstance(error, NoConnectionError) else error
    if isinstance(last, NoStandbyError):
        reason = None if error is last else describe_connect_error(error)  # the name of the check says it of one host
        return ReplicaUnavailable("No read replica answers; please try again.", check="standby", reason=reason)
    message = str(last) if isinstance(last, PoolerError) else None
    return ReplicaUnavailable(message, reason=describe_connect_error(error))
