"""A connection after a fault: its transaction is ended, and what it could not read is read in another way."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from tickiti_query.model.statement import Statement
from tickiti_query.replica.execution import ReplicaConnection

T = TypeVar("T")
ROLLBACK_SECONDS = 1.0
# A byte that stands for no character: the server cannot convert it, or, where it converts nothing, psycopg2 cannot.
UNREADABLE = (errors.UntranslatableCharacter, errors.CharacterNotInRepertoire, UnicodeDecodeError)


def end_transaction(connection: ReplicaConnection) -> bool:
    """Roll back what failed. Return false where the connection cannot be used any more."""
    if connection.closed:
        return False
    connection.ends_at = min(connection.ends_at, monotonic() + ROLLBACK_SECONDS)
    try:
        if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
    except psycopg2.Error:
        return False
    return bool(connection.info.transaction_status == TRANSACTION_STATUS_IDLE)


def is_outdated(connection: ReplicaConnection) -> bool:
    """Return true where the session's role is no more; one of its name may be there, which new sessions have."""
    if connection.is_pooled:
        return False  # its sessions are the pooler's
    if not end_transaction(connection):
        return True
    try:
        connection.run(Statement("SELECT session_user"))
    except psycopg2.Error:  # the role was dropped
        return True
    return False


def read_unconverted(work: Callable[[ReplicaConnection], T], connection: ReplicaConnection) -> T:
    """Return the result of `work` where the server converts no text: a byte that is no character is replaced here."""
    connection.set_client_encoding(connection.repertoire.unconverted)
    try:
        return work(connection)
    finally:
        if end_transaction(connection):
            connection.set_client_encoding("UTF8")
