"""A command's own session on the replica, set up as the service sets up its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2

from config.settings import Settings, SettingsError, load_settings
from tickiti_query.cli.failure import CommandError
from tickiti_query.model.statement import Bind, Statement
from tickiti_query.replica.connection import ReplicaConnection, Target, connect
from tickiti_query.replica.database_errors import is_lost
from tickiti_query.replica.execution import run_statement
from tickiti_query.replica.sessions import Sessions, choose_sessions
from tickiti_query.replica.waiting import deadline_from_now, install_wait_callback

CONNECT_SECONDS = 60.0  # for all hosts together, each of which has its own connect timeout
GRACE_SECONDS = 1.0  # how much longer than the server's own limit we wait


@dataclass(frozen=True, slots=True)
class Session:
    """One autocommit connection to the first server of the URL that answers."""

    connection: ReplicaConnection
    settings: Settings
    sessions: Sessions

    def fetch(self, sql: str, **binds: Bind) -> list[tuple[Any, ...]]:
        """Return all rows of a statement with `:name` binds. Raise psycopg2.Error."""
        statement = Statement(sql, tuple(binds.items()))
        self.limit(self.settings.statement_timeout_ms / 1000 + GRACE_SECONDS)
        return run_statement(self.connection, statement, prefix=self.sessions.prefix)

    def limit(self, seconds: float) -> None:
        """Give what is done on the connection next at most `seconds`."""
        self.connection.deadline = deadline_from_now(seconds)

    def try_to_read(self, sql: str) -> str | None:
        """Run a statement for nothing but its error: the server's sentence, None where there is none."""
        try:
            self.fetch(sql)
        except psycopg2.Error as error:
            if is_lost(error, self.connection):
                raise
            return str(error.diag.message_primary)
        return None


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the service's settings. Raise CommandError where they are missing or wrong."""
    try:
        return load_settings(environ)
    except SettingsError as error:
        faults = [line.strip() for line in str(error).splitlines()[1:]]
        raise CommandError("; ".join(faults)) from error


def find_target(settings: Settings) -> Target:
    """Return the target of a connection to the replica of the settings."""
    is_pooled = settings.pooler == "transaction"
    return Target(settings.replica_url, settings.replica_schema, settings.statement_timeout_ms, is_pooled=is_pooled)


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """Yield a session on the replica. Raise CommandError where none can be had, or where it is lost on the way."""
    install_wait_callback()
    try:
        target = find_target(settings)
        connection = connect(target.list_hosts(), deadline_from_now(CONNECT_SECONDS))
    except psycopg2.Error as error:
        raise CommandError(f"no server of TICKITI_REPLICA_URL can be connected to: {first_line(error)}") from error
    try:
        yield Session(connection, settings, choose_sessions(target))
    except psycopg2.Error as error:
        raise CommandError(f"the replica did not answer to the end: {first_line(error)}") from error
    finally:
        connection.close()


def first_line(error: Exception) -> str:
    """Return the first line of an error, without the hints that follow it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
