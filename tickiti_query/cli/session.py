"""A command's own session on the replica, set up as the service sets up its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2

from config.settings import Settings, SettingsError, load_settings
from tickiti_query.cli.failure import CommandError
from tickiti_query.model.statement import Bind, Statement
from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.deadline import deadline, install_deadline
from tickiti_query.replica.faults import is_lost
from tickiti_query.replica.sessions import Sessions, choose_sessions
from tickiti_query.replica.transaction import run

GRACE_SECONDS = 1.0  # how much longer than the server's own limit we wait


class Session:
    """One autocommit connection to the first server of the URL that answers."""

    def __init__(self, connection: Any, settings: Settings, sessions: Sessions) -> None:
        self.connection = connection
        self.settings = settings
        self.sessions = sessions
        self._seconds = settings.statement_timeout_ms / 1000 + GRACE_SECONDS

    def fetch(self, sql: str, **binds: Bind) -> list[tuple[Any, ...]]:
        """Return all rows of a statement with `:name` binds. Raise psycopg2.Error."""
        with deadline(self._seconds), self.connection.cursor() as cursor:
            return run(cursor, self.sessions.prefix, Statement(sql, tuple(binds.items())))

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
    return Target(
        settings.replica_url,
        settings.replica_schema,
        settings.statement_timeout_ms,
        is_pooled=settings.pooler == "transaction",
    )


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """Yield a session on the replica. Raise CommandError where none can be had, or where it is lost on the way."""
    install_deadline()
    try:
        target = find_target(settings)
        connection = connect(target.list_hosts())
    except psycopg2.Error as error:
        raise CommandError(
            f"no server of TICKITI_REPLICA_URL can be connected to: {first_line(error)}"
        ) from error
    try:
        yield Session(connection, settings, choose_sessions(target))
    except psycopg2.Error as error:
        raise CommandError(f"the replica did not answer to the end: {first_line(error)}") from error
    finally:
        connection.close()


def first_line(error: Exception) -> str:
    """Return the first line of an error, without the hints that follow it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
