"""Connecting to the replica: its target, and the hosts of its URL, in order, each with its own connect timeout."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

import psycopg2
from psycopg2 import extensions

from config.settings import Settings
from tickiti_query.model.request import Deadline
from tickiti_query.replica.addresses import ADDRESSES
from tickiti_query.replica.database_errors import DeadlinePassed, NoConnectionError, PoolerError, RefusalError
from tickiti_query.replica.execution import ReplicaConnection
from tickiti_query.replica.pooler import PooledConnection

Host = dict[str, str]  # the connection parameters for one host of the URL

# For each address, where the URL has no connect_timeout; and for the last, after which there is nothing else to try.
CONNECT_SECONDS, LAST_CONNECT_SECONDS = 2.0, 5.0
LONGEST_CONNECT_SECONDS = 3600.0  # where connect_timeout says that there is no limit
LOCK_TIMEOUT_MS = 1000
GRACE_SECONDS = 1.0  # how much longer than statement_timeout the client waits
TIME_SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO"}  # settings that a server reports when they change
DEFAULTS = {
    "application_name": "tickiti-query",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "target_session_attrs": "any",  # `examine` says which server is fit
}
ATTRIBUTES_A_HOST = ("host", "hostaddr", "port")
# Parameters of our own: a file that is read anew for each connection, and, behind a pooler, SQL for each transaction.
PASSWORD_FILE, POOLED_SETTINGS = "password_file", "pooled_settings"
NO_PASSWORD = "The file of TICKITI_REPLICA_PASSWORD_FILE cannot be read by this process, or is empty."  # noqa: S105

Examine = Callable[[ReplicaConnection, Host], None]


@dataclass(frozen=True, slots=True)
class Target:
    """The address of the replica, and the settings of sessions on it.

    `is_pooled`: the URL leads to a pooler in transaction mode, which may give each transaction another session.
    `password_file`: the path of a file that holds the password.
    """

    url: str
    schema: str
    statement_timeout_ms: int
    is_pooled: bool = False
    password_file: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Target":
        """Return the target that the service's settings name."""
        return cls(
            settings.replica_url,
            settings.replica_schema,
            settings.statement_timeout_ms,
            is_pooled=settings.pooler == "transaction",
            password_file=settings.replica_password_file,
        )

    @property
    def longest_read_seconds(self) -> float:
        """The longest wait for a statement: the server's own limit, and some time for the error that it sends then."""
        return self.statement_timeout_ms / 1000 + GRACE_SECONDS

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of each session; behind a pooler, of each transaction."""
        schema = self.schema.replace('"', '""')
        return {
            "default_transaction_read_only": "on",
            "default_transaction_isolation": "read committed",  # a standby has no serializable one
            "statement_timeout": str(self.statement_timeout_ms),
            "lock_timeout": str(min(LOCK_TIMEOUT_MS, self.statement_timeout_ms)),
            "idle_in_transaction_session_timeout": str(2 * self.statement_timeout_ms),
            # pg_temp is named so that it comes last: no temporary relation stands in for one of the contract.
            "search_path": f'"{schema}",pg_temp',
            **TIME_SETTINGS,
            "client_min_messages": "error",  # libpq writes what a server says in passing to standard error
            # Plans for a page of rows: compiling one or starting workers for it takes longer than reading it, and
            # an index is worth following where the pages are in memory.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
            "random_page_cost": "0.1",
            "seq_page_cost": "0.1",
            "cursor_tuple_fraction": "1",  # all rows of a cursor are fetched: its plan is that of the statement
        }

    @property
    def options(self) -> str:
        """The settings as libpq sends them while it connects, without a round trip."""
        quoted = {name: re.sub(r"([\\\s])", r"\\\1", value) for name, value in self.settings.items()}
        return " ".join(f"-c {name}={value}" for name, value in quoted.items())

    @property
    def settings_sql(self) -> str:
        """The settings as SQL that sets them for one transaction."""
        quoted = {name: value.replace("'", "''") for name, value in self.settings.items()}
        calls = ", ".join(f"set_config('{name}', '{value}', TRUE)" for name, value in quoted.items())
        return f"SELECT {calls}; "

    def list_hosts(self) -> list[Host]:
        """Return the connection parameters of each host of the URL, in order.

        libpq could try all hosts itself, but within one time limit: a first host that does not answer would use it up.
        """
        given = extensions.parse_dsn(self.url)
        hosts, addresses, ports = (given.pop(name, "").split(",") for name in ATTRIBUTES_A_HOST)
        length = max(len(hosts), len(addresses))
        ports = ports * length if len(ports) == 1 else ports[:length]
        options = given.pop("options", "")  # always sent, empty or not: without it libpq takes PGOPTIONS
        own = {"client_encoding": "UTF8", "options": options if self.is_pooled else f"{options} {self.options}".strip()}
        if self.is_pooled:
            own[POOLED_SETTINGS] = self.settings_sql
        if self.password_file is not None:
            own[PASSWORD_FILE] = self.password_file
        places = [dict(zip(ATTRIBUTES_A_HOST, each, strict=True)) for each in zip_longest(hosts, addresses, ports)]
        return [{**DEFAULTS, **given, **own, **{k: v for k, v in place.items() if v}} for place in places]


def connect(hosts: Sequence[Host], deadline: Deadline, examine: Examine = lambda *_: None) -> ReplicaConnection:
    """Return an autocommit connection to the first host that answers and that `examine` does not refuse.

    `examine` refuses a connection by raising psycopg2.Error. Raise the error of the only host, or NoConnectionError
    with the error of each.
    """
    failed: list[psycopg2.Error] = []
    for host in hosts:
        try:
            return connect_to_host(host, deadline, examine, is_last=host is hosts[-1])
        except psycopg2.Error as error:
            failed.append(PoolerError() if "unsupported startup parameter" in str(error) else error)
    raise failed[0] if len(failed) == 1 else NoConnectionError(failed)


def connect_to_host(host: Host, deadline: Deadline, examine: Examine, *, is_last: bool) -> ReplicaConnection:
    """Return a connection to the first address of a host that `examine` does not refuse. Raise the last error."""
    name, addresses = host.get("host", ""), [host]
    if name and not name.startswith(("/", "@")) and "hostaddr" not in host:  # neither a socket nor an address
        addresses = [{**host, "hostaddr": address} for address in ADDRESSES.find(name, deadline.remaining_seconds)]
    last_error = psycopg2.Error()
    for address in addresses:
        seconds = find_connect_seconds(address, is_last=is_last and address is addresses[-1])
        try:
            connection = connect_to(address, deadline.within(seconds), examine)
        except psycopg2.Error as error:
            last_error = error
            if isinstance(error, DeadlinePassed):
                ADDRESSES.note_silent(address.get("hostaddr", ""))
        else:
            connection.ends_at = deadline.ends_at
            return connection
    raise last_error


def find_connect_seconds(host: Host, *, is_last: bool) -> float:
    """Return how long connecting to an address may take: what connect_timeout of the URL says, as libpq reads it."""
    usual = LAST_CONNECT_SECONDS if is_last else CONNECT_SECONDS
    try:
        seconds = int(host.get("connect_timeout", usual))
    except ValueError:  # libpq itself refuses it
        return usual
    return float(seconds) if seconds > 0 else LONGEST_CONNECT_SECONDS


def connect_to(address: Host, deadline: Deadline, examine: Examine) -> ReplicaConnection:
    """Return an autocommit connection to one address that `examine` does not refuse. Raise psycopg2.Error.

    The time limit is kept here: under a wait callback, such as ours, libpq does not keep its own.
    """
    parameters = dict(address)
    file, settings = parameters.pop(PASSWORD_FILE, None), parameters.pop(POOLED_SETTINGS, None)
    if file is not None:
        parameters["password"] = read_password(file)
    kind = ReplicaConnection if settings is None else partial(PooledConnection, settings=settings)
    factory = partial(kind, ends_at=deadline.ends_at)
    try:
        connection: ReplicaConnection = psycopg2.connect(connection_factory=factory, **parameters)  # type: ignore[call-overload]
    except UnicodeDecodeError as error:  # a message in another encoding
        raise psycopg2.OperationalError(error.object.decode("utf-8", "replace")) from error
    connection.autocommit = True
    try:
        restore_times(connection)
        examine(connection, address)
    except psycopg2.Error:
        connection.close()
        raise
    return connection


def restore_times(connection: ReplicaConnection) -> None:
    """Set how times are written where the session has another way: libpq lets PGTZ and PGDATESTYLE win over options."""
    shown = {name: connection.info.parameter_status(name) or "" for name in TIME_SETTINGS}
    if any(not shown[name].startswith(value) for name, value in TIME_SETTINGS.items()):
        with connection.cursor() as cursor:
            cursor.execute("; ".join(f"SET {name} = '{value}'" for name, value in TIME_SETTINGS.items()))


def read_password(file: str) -> str:
    """Return the password that a file holds now. Raise RefusalError."""
    try:
        password = Path(file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise RefusalError(NO_PASSWORD) from None
    if not password:
        raise RefusalError(NO_PASSWORD)
    return password
