"""A command's own session on the replica, set up as the service sets up its own."""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2

from config.libpq import drop_uncounted
from config.settings import Settings, SettingsError, load_settings
from tickiti_query.cli.failure import CommandError
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Bind, Row, Statement
from tickiti_query.replica.connect_reasons import join_reasons
from tickiti_query.replica.connection import Examine, Host, Target, connect
from tickiti_query.replica.database_errors import NoStandbyError, describe_connect_error, is_lost
from tickiti_query.replica.execution import ReplicaConnection, deadline_from_now, install_wait_callback, run_statement
from tickiti_query.replica.sessions import Sessions, choose_sessions

CONNECT_SECONDS = 60.0  # for all hosts together, each of which has its own connect timeout
GRACE_SECONDS = 1.0  # how much longer than the server's own limit we wait


@dataclass(frozen=True, slots=True)
class Trial:
    """A host of the URL that was tried: its connection, and the error for which the service goes on to the next."""

    host: Host
    connection: ReplicaConnection | None
    error: psycopg2.Error | None


@dataclass(frozen=True, slots=True)
class Session:
    """One autocommit connection to the server that the service would read; to a primary where it would read none.

    `trials` has each host of the URL, in order.
    """

    connection: ReplicaConnection
    settings: Settings
    sessions: Sessions
    trials: tuple[Trial, ...]

    def fetch(self, sql: str, **binds: Bind) -> list[tuple[Any, ...]]:
        """Return all rows of a statement with `:name` binds. Raise psycopg2.Error."""
        return self.source.fetch(Statement(sql, tuple(binds.items())))

    @property
    def source(self) -> "SessionSource":
        """The session as a source."""
        return SessionSource(self)

    def limit(self, seconds: float) -> None:
        """Give what is done on the connection next at most `seconds`."""
        self.connection.deadline = deadline_from_now(seconds)

    @contextmanager
    def connect_again(self) -> Iterator[ReplicaConnection]:
        """Yield a second connection to the same server. Raise psycopg2.Error."""
        [host] = [trial.host for trial in self.trials if trial.connection is self.connection]
        with closing(connect([host], deadline_from_now(find_seconds(self.settings)))) as connection:
            connection.deadline = deadline_from_now(find_seconds(self.settings))
            yield connection

    def try_to_read(self, sql: str) -> psycopg2.Error | None:
        """Run a statement for nothing but its error; None where there is none."""
        try:
            self.fetch(sql)
        except psycopg2.Error as error:
            if is_lost(error, self.connection):
                raise
            return error
        return None


@dataclass(frozen=True, slots=True)
class SessionSource:
    """A session as a source of rows; each statement sees a snapshot of its own."""

    session: Session

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of a statement. Raise psycopg2.Error."""
        session = self.session
        session.limit(find_seconds(session.settings))
        return run_statement(session.connection, statement, prefix=session.sessions.prefix)


def find_seconds(settings: Settings) -> float:
    """Return the seconds that a statement may take."""
    return settings.statement_timeout_ms / 1000 + GRACE_SECONDS


def read_settings(environ: MutableMapping[str, str] = os.environ) -> Settings:
    """Return the service's settings, and drop what must not count. Raise CommandError where one is missing or wrong."""
    for _ in drop_uncounted(environ):
        pass  # the service warns of it when it starts
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
        password_file=settings.replica_password_file,
    )


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """Yield a session on the replica. Raise CommandError where none can be had, or where it is lost on the way."""
    install_wait_callback()
    target = find_target(settings)
    sessions = choose_sessions(target)
    trials = list(try_hosts(target, sessions, require_standby=settings.require_standby))
    chosen = next((trial for trial in trials if trial.error is None), None) or next(
        (trial for trial in trials if trial.connection is not None), None
    )
    try:
        if chosen is None or chosen.connection is None:
            reason = join_reasons([describe_connect_error(trial.error) for trial in trials if trial.error])
            raise CommandError(f"no server of TICKITI_REPLICA_URL can be connected to: {reason}")
        yield Session(chosen.connection, settings, sessions, tuple(trials))
    except psycopg2.Error as error:
        reason = describe_connect_error(error) if error.pgcode is None else first_line(error)
        raise CommandError(f"the replica did not answer to the end: {reason}") from error
    finally:
        for trial in trials:
            if trial.connection is not None:
                trial.connection.close()


def try_hosts(target: Target, sessions: Sessions, *, require_standby: bool) -> Iterator[Trial]:
    """Yield a trial of each host of the URL, in order, as the service tries them."""
    deadline = deadline_from_now(CONNECT_SECONDS)

    def examine(connection: ReplicaConnection, _: Host) -> None:
        is_standby = sessions.identify(connection, generation=0)[1]
        if require_standby and not is_standby:
            raise NoStandbyError

    for host in target.list_hosts():
        yield try_host(host, deadline, examine)


def try_host(host: Host, deadline: Deadline, examine: Examine) -> Trial:
    """Return the trial of one host. A primary that is refused has a connection too, to be looked at."""
    try:
        return Trial(host, connect([host], deadline, examine), None)
    except NoStandbyError as error:
        return Trial(host, connect([host], deadline), error)
    except psycopg2.Error as error:
        return Trial(host, None, error)


def first_line(error: Exception) -> str:
    """Return the first line of an error, without the hints that follow it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
