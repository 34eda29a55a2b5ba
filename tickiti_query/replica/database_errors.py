"""Errors of the database: what each SQLSTATE means, what its caller is told, and what ends with it.

`FAULTS` is the one table of them. `python -m tickiti_query.replica.database_errors` writes it for docs/reliability.md.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import psycopg2

from tickiti_query.model.errors import QueryError, QueryTimeout, ReplicaUnavailable
from tickiti_query.replica.connect_reasons import find_reason, join_reasons


class Ends(Enum):
    """The thing that ends with an error. Whatever else there is, of other callers too, goes on."""

    NOTHING = "nothing"
    STATEMENTS = "what its connection has prepared"
    SESSION = "all connections, if the session's role is gone"
    POOL = "all connections, and what they proved"


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """A row of the table: the error that callers get, whether the reading is done once more, and what ends.

    `states` are SQLSTATEs of five characters, or classes of two.
    """

    states: tuple[str, ...]
    meaning: str
    error: type[QueryError]
    is_retried: bool = False
    ends: Ends = Ends.NOTHING


LOST = DatabaseFault(
    (),
    "no SQLSTATE, or the connection is closed: the session, the server or the network has ended",
    ReplicaUnavailable,
    is_retried=True,
    ends=Ends.POOL,
)
SILENT = DatabaseFault(
    (),
    "no answer within the time limit and a second more: the server or the network is silent",
    QueryTimeout,
    ends=Ends.POOL,
)
STALE_PLAN = DatabaseFault(
    ("0A000",),
    "of PostgreSQL's plan cache alone: a prepared statement's columns have changed their types",
    ReplicaUnavailable,
    is_retried=True,
    ends=Ends.STATEMENTS,
)
NOT_PREPARED = DatabaseFault(
    ("26000",),
    "of EXECUTE alone: a statement is not prepared, because a pooler has changed the session",
    ReplicaUnavailable,
    is_retried=True,
    ends=Ends.STATEMENTS,
)
NOT_ABLE = DatabaseFault(
    ("08", "53", "57", "58", "HV"),
    "the server lacks memory, disk or connections, is stopping, or cannot read a file or another server",
    ReplicaUnavailable,
)
ANY_OTHER = DatabaseFault((), "any other", QueryError)
# The first row that has the SQLSTATE counts, then the first that has its class.
FAULTS = (
    LOST,
    SILENT,
    STALE_PLAN,
    NOT_PREPARED,
    DatabaseFault(
        ("40001", "40P01"),
        "a conflict with replay, or a deadlock: a second attempt succeeds",
        ReplicaUnavailable,
        is_retried=True,
    ),
    DatabaseFault(("57014", "55P03"), "past the time limit of statements, or of locks", QueryTimeout),
    # A session keeps the role that it began with. Where the role was dropped and created again, a new session may read
    # what this session cannot. The role is looked up first, because a view of one caller's may raise the same error.
    DatabaseFault(
        ("42501", "42P01", "3F000"),
        "a relation or schema is not there, or may not be read: the end of a migration completes the contract",
        ReplicaUnavailable,
        ends=Ends.SESSION,
    ),
    DatabaseFault(
        ("42703", "42704", "42804", "42846", "42883", "55000"),
        "a column, function or type is not there, a column has another type, or a materialized view has no rows yet",
        ReplicaUnavailable,
    ),
    NOT_ABLE,
    DatabaseFault(("0A",), "a view needs what a standby cannot do, such as an unlogged table", QueryError),
    DatabaseFault(("21", "22", "23"), "a view computes what cannot be, such as a division by zero", QueryError),
    DatabaseFault(("25",), "a view calls a function that writes", QueryError),
    DatabaseFault(("38", "39", "P0"), "a view calls a function that raises an error", QueryError),
    DatabaseFault(("42",), "any other fault of a definition, such as an ambiguous name or collation", QueryError),
    DatabaseFault(("54",), "a limit of PostgreSQL's, such as its stack", QueryError),
    DatabaseFault(("XX",), "a damaged index or table, or a fault of PostgreSQL's", QueryError),
    ANY_OTHER,
)
BY_STATE = {state: fault for fault in reversed(FAULTS) if fault.ends is not Ends.STATEMENTS for state in fault.states}
# The functions of PostgreSQL that find a prepared statement unfit. A view may cause the same SQLSTATEs, and the words
# are in the server's language.
OF_PREPARED = {"RevalidateCachedQuery": STALE_PLAN, "FetchPreparedStatement": NOT_PREPARED}
RELATION = re.compile(r"\b(?:FROM|JOIN)\s+([a-z]\w*)(?![\w(.])")
NO_RELATIONS = {"keys", "member", "page", "preconditions"}  # names within our own statements


class DeadlinePassed(psycopg2.OperationalError):
    """The server did not answer in time; its connection cannot be used any more."""


class RefusalError(psycopg2.OperationalError):
    """A connection that is refused here. The text is a sentence of our own, for operators."""


class PoolerError(RefusalError):
    """A pooler stands before the server, and the settings do not say so."""

    def __init__(self) -> None:
        super().__init__("A pooler is between the service and its replica, and TICKITI_POOLER does not say so.")


class NoStandbyError(RefusalError):
    """The server is a primary, and a standby is required."""

    def __init__(self) -> None:
        super().__init__("the server is a primary, and TICKITI_REQUIRE_STANDBY asks for a hot standby")


class NoConnectionError(RefusalError):
    """No host of the URL gave a connection. `errors` has the last error of each host, in their order."""

    def __init__(self, errors: Sequence[psycopg2.Error]) -> None:
        super().__init__(join_reasons([describe_connect_error(error) for error in errors]))
        self.errors = tuple(errors)


def describe_connect_error(error: psycopg2.Error) -> str:
    """Return the reason why no connection was made, in a sentence of our own that holds no part of the URL."""
    return str(error) if isinstance(error, RefusalError) else find_reason(error.pgcode, str(error))


def find_fault(error: psycopg2.Error) -> DatabaseFault:
    """Return the row of the table that an error belongs to. An error without SQLSTATE came from no live session."""
    state = error.pgcode
    if state is None:
        return SILENT if isinstance(error, DeadlinePassed) else LOST
    found = OF_PREPARED.get(error.diag.source_function or "")
    if found is not None and state in found.states:
        return found
    return BY_STATE.get(state) or BY_STATE.get(state[:2]) or ANY_OTHER


def is_lost(error: psycopg2.Error, connection: Any) -> bool:
    """Return true where the connection cannot be used any more."""
    return bool(connection.closed) or find_fault(error).ends is Ends.POOL


def to_query_error(error: psycopg2.Error) -> QueryError:
    """Return the error for the caller. Its message does not quote the statement; its facts are for the log."""
    fault = find_fault(error)
    facts = describe_fault(error)
    if fault.error is ReplicaUnavailable:
        is_of_server = fault in {LOST, NOT_ABLE}
        return ReplicaUnavailable(reason=describe_connect_error(error) if is_of_server else None, facts=facts)
    return fault.error(facts=facts)


def note_relations(error: psycopg2.Error, sql: str) -> None:
    """Note on an error the relations that its statement reads, for the log."""
    names = dict.fromkeys(name for name in RELATION.findall(sql) if name not in NO_RELATIONS)
    if names:
        error.add_note(", ".join(names))


def describe_fault(error: psycopg2.Error) -> Mapping[str, str]:
    """Return what the log may say of an error: its SQLSTATE, and the relations that its statement reads.

    The server's own words are left out, for they may quote a value or a statement.
    """
    facts = {"sqlstate": error.pgcode, "relation": ", ".join(getattr(error, "__notes__", ()))}
    return {name: value for name, value in facts.items() if value}


def to_connect_error(error: psycopg2.Error) -> ReplicaUnavailable:
    """Return the error for a caller who got no connection. Its reason is for operators alone."""
    last = error.errors[-1] if isinstance(error, NoConnectionError) else error
    if isinstance(last, NoStandbyError):
        reason = None if error is last else describe_connect_error(error)  # the name of the check says it of one host
        return ReplicaUnavailable("No read replica answers; please try again.", check="standby", reason=reason)
    message = str(last) if isinstance(last, PoolerError) else None
    return ReplicaUnavailable(message, reason=describe_connect_error(error))


def write_table() -> str:
    """Return the table of the faults, in Markdown."""
    lines = ["SQLSTATE or class | meaning | the caller gets | read again | ends with it", " | ".join(["---"] * 5)]
    for fault in FAULTS:
        states = ", ".join(f"`{state}`" for state in fault.states) or "–"
        again = "once" if fault.is_retried else "no"
        error = f"{fault.error.status} `{fault.error.code}`"
        lines.append(f"{states} | {fault.meaning} | {error} | {again} | {fault.ends.value}")
    return "".join(f"| {line} |\n" for line in lines)


if __name__ == "__main__":
    print(write_table(), end="")  # noqa: T201  the table is what this command is for
