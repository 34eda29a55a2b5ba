"""A command's own session on the replica, set up as the service sets up its own; and the errors that end a command."""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2

from config.environment import drop_uncounted
from config.settings import Settings, SettingsError, load_settings
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.connect_reasons import join_reasons
from tickiti_query.replica.connection import Host, Target, connect
from tickiti_query.replica.database_errors import NoStandbyError, describe_connect_error
from tickiti_query.replica.execution import ReplicaConnection, deadline_from_now, install_wait_callback

SESSION_SECONDS = 60.0  # for all hosts together, each of which has its own connect timeout
Arguments = dict[str, dict[str, Any]]  # of a command, each with its options for argparse


class CommandError(Exception):
    """The command cannot do its work; the message is one sentence that says why."""

    exit_code = 2


class Refused(CommandError):
    """The command was understood, and its answer is an error that the service would give, too."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Trial:
    """A host of the URL that was tried: its connection, and the error for which the service goes on to the next."""

    host: Host
    connection: ReplicaConnection | None
    error: psycopg2.Error | None


@dataclass(frozen=True, slots=True)
class Session:
    """One autocommit connection to the server that the service would read; to a primary where it would read none.

    Each statement sees a snapshot of its own. `trials` has each host of the URL, in order.
    """

    connection: ReplicaConnection
    settings: Settings
    trials: tuple[Trial, ...]

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of a statement. Raise psycopg2.Error."""
        self.connection.ends_at = self.begin_deadline().ends_at
        return self.connection.run(statement, prefix=self.connection.prefix)

    def begin_deadline(self) -> Deadline:
        """Return the deadline of a statement that begins now."""
        return deadline_from_now(Target.of(self.settings).longest_read_seconds)


def read_settings(environ: MutableMapping[str, str] = os.environ) -> Settings:
    """Return the service's settings, and drop what must not count. Raise CommandError where one is missing or wrong."""
    for _ in drop_uncounted(environ):
        pass  # the service warns of it when it starts
    try:
        return load_settings(environ)
    except SettingsError as error:
        faults = [line.strip() for line in str(error).splitlines()[1:]]
        raise CommandError("; ".join(faults)) from error


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """Yield a session on the replica. Raise CommandError where none can be had, or where it is lost on the way."""
    install_wait_callback()
    target = Target.of(settings)
    deadline = deadline_from_now(SESSION_SECONDS)
    trials = [try_host(host, deadline, settings.require_standby) for host in target.list_hosts()]
    fit_first = sorted(trials, key=lambda trial: trial.error is not None)
    connections = [trial.connection for trial in fit_first if trial.connection is not None]
    try:
        if not connections:
            reason = join_reasons([describe_connect_error(trial.error) for trial in trials if trial.error])
            raise CommandError(f"no server of TICKITI_REPLICA_URL can be connected to: {reason}")
        yield Session(connections[0], settings, tuple(trials))
    except psycopg2.Error as error:
        reason = describe_connect_error(error) if error.pgcode is None else first_line(error)
        raise CommandError(f"the replica did not answer to the end: {reason}") from error
    finally:
        for connection in connections:
            connection.close()


def try_host(host: Host, deadline: Deadline, require_standby: bool) -> Trial:
    """Return the trial of one host. A primary that is refused has a connection too, to be looked at."""

    def examine(connection: ReplicaConnection, _: Host) -> None:
        is_standby = connection.identify(generation=0)
        if require_standby and not is_standby:
            raise NoStandbyError

    try:
        return Trial(host, connect([host], deadline, examine), None)
    except NoStandbyError as error:
        return Trial(host, connect([host], deadline), error)
    except psycopg2.Error as error:
        return Trial(host, None, error)


def first_line(error: Exception) -> str:
    """Return the first line of an error, without the hints that follow it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
