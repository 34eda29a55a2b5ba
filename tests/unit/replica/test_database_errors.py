"""Errors of the database, by SQLSTATE: what the caller gets, and whether a retry may help."""

import psycopg2
import pytest
from psycopg2 import errors

from tickiti_query.model.errors import QueryError, QueryTimeout, ReplicaUnavailable
from tickiti_query.replica.database_errors import (
    DeadlinePassed,
    NoStandbyError,
    PoolerError,
    find_fault,
    to_connect_error,
    to_query_error,
)

QUOTED = "SELECT secret FROM tickets"


class Error(psycopg2.Error):
    """An error with a SQLSTATE, whose text quotes a statement."""

    pgcode: str | None = None

    def __init__(self, pgcode: str | None) -> None:
        super().__init__(QUOTED)
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("pgcode", "expected", "retry"),
    [
        ("57014", QueryTimeout, False),  # statement_timeout
        ("55P03", QueryTimeout, False),  # lock_timeout
        ("40001", ReplicaUnavailable, True),  # a recovery conflict
        ("40P01", ReplicaUnavailable, True),
        ("0A000", QueryError, False),  # a view needs what a standby cannot do; a stale plan is told apart
        ("26000", QueryError, False),  # so is a statement that is not prepared
        (None, ReplicaUnavailable, True),  # a lost connection
        ("42P01", ReplicaUnavailable, False),  # a table that is not there
        ("42501", ReplicaUnavailable, False),
        ("57P01", ReplicaUnavailable, False),  # the server is stopped
        ("53300", ReplicaUnavailable, False),  # too many connections
        ("08006", ReplicaUnavailable, False),
        ("22012", QueryError, False),  # division by zero: a mistake of ours
    ],
)
def test_each_sqlstate_has_its_error(pgcode: str | None, expected: type[QueryError], retry: bool) -> None:
    error = Error(pgcode)
    found = to_query_error(error)
    assert type(found) is expected
    assert QUOTED not in found.message
    assert find_fault(error).is_retried is retry


def test_a_deadline_that_passed_is_a_timeout() -> None:
    assert isinstance(to_query_error(DeadlinePassed("late")), QueryTimeout)


def test_no_connection_is_an_unavailable_replica_that_says_why_where_that_helps() -> None:
    assert to_connect_error(NoStandbyError()).check == "standby"
    assert "TICKITI_POOLER" in to_connect_error(PoolerError()).message
    assert to_connect_error(errors.InvalidPassword(QUOTED)).message == ReplicaUnavailable.default_message
