"""Opening a connection to the replica: one host after the other, each with its own time limit."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import psycopg2
from psycopg2 import extensions

from tickiti_query.model.statement import Statement
from tickiti_query.replica.deadline import deadline
from tickiti_query.replica.faults import PoolerError
from tickiti_query.replica.names import Host, list_addresses

CONNECT_SECONDS_A_HOST = 2.0
LOCK_TIMEOUT_MS = 1000
ATTRIBUTES_A_HOST = ("host", "hostaddr", "port")


class ReplicaConnection(extensions.connection):
    """A connection that knows its prepared statements: by what they are, the name that each has on the server.

    `prepared` are texts that take values; `kept` are whole statements, the longest unused first.
    """

    def __init__(self, dsn: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(dsn, *args, **kwargs)
        self.prepared: dict[str, str] = {}
        self.kept: OrderedDict[Statement, str] = OrderedDict()
        self.keepings = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Where the replica is, and how sessions on it are set up.

    `is_pooled`: between it and us is a pooler that gives each transaction a session of its own choice.
    """

    url: str
    schema: str
    statement_timeout_ms: int
    is_pooled: bool = False

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of a session, or of a transaction where there is none."""
        schema = self.schema.replace('"', '""')
        return {
            "default_transaction_read_only": "on",
            "default_transaction_isolation": "read committed",  # a standby has no serializable one
            "statement_timeout": str(self.statement_timeout_ms),
            "lock_timeout": str(min(LOCK_TIMEOUT_MS, self.statement_timeout_ms)),
            "idle_in_transaction_session_timeout": str(2 * self.statement_timeout_ms),
            # pg_temp is named so that it comes last: no temporary relation stands in for one of the contract.
            "search_path": f'"{schema}",pg_temp',
            "TimeZone": "UTC",
            "DateStyle": "ISO",
            "client_min_messages": "error",  # libpq writes what a server says in passing to standard error
            # Plans for a page of rows: compiling one or starting workers for it takes longer than reading it, and
            # an index is worth following where the pages are in memory. bench/README.md has the figures.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
            "random_page_cost": "0.1",
            "seq_page_cost": "0.1",
        }

    @property
    def options(self) -> str:
        """The settings as libpq hands them over while it connects: they cost no round trip."""
        quoted = {name: re.sub(r"([\\\s])", r"\\\1", value) for name, value in self.settings.items()}
        return " ".join(f"-c {name}={value}" for name, value in quoted.items())

    def list_hosts(self) -> Iterator[Host]:
        """Connection parameters for each host of the URL by itself, in order.

        libpq walks the list by itself, but in one time limit for all: a first host that does not answer would
        use it up.
        """
        given = extensions.parse_dsn(self.url)
        if not self.is_pooled:
            given["options"] = f"{given.get('options', '')} {self.options}".strip()
        defaults = {
            "application_name": "tickiti-query",
            "keepalives_idle": "10",
            "keepalives_interval": "5",
            "keepalives_count": "3",
            "client_encoding": "UTF8",
        }
        shared = {**defaults, **{k: v for k, v in given.items() if k not in ATTRIBUTES_A_HOST}}
        lists = [given.get(name, "").split(",") for name in ATTRIBUTES_A_HOST]
        ports = lists[2] * max(map(len, lists)) if len(lists[2]) == 1 else lists[2]
        for host, hostaddr, port in zip_longest(
            lists[0], lists[1], ports[: max(len(lists[0]), len(lists[1]))]
        ):
            own = zip(ATTRIBUTES_A_HOST, (host, hostaddr, port), strict=True)
            yield {**shared, **{name: value for name, value in own if value}}


def connect(hosts: Iterable[Host], examine: Callable[[Any, Host], None] = lambda *_: None) -> Any:
    """An autocommit connection to the first host that answers and that `examine` does not refuse.

    `examine` refuses by raising psycopg2.Error. Raises that, or psycopg2.OperationalError, of the last host;
    PoolerError where that is a pooler which takes no settings.
    """
    fault: psycopg2.Error = psycopg2.OperationalError("the URL names no host")
    for host in hosts:
        try:
            addresses = list(list_addresses(host))
        except psycopg2.Error as error:
            fault = error
            continue
        for address in addresses:
            try:
                return connect_to(address, examine)
            except psycopg2.Error as error:
                fault = PoolerError() if "unsupported startup parameter" in str(error) else error
    raise fault


def connect_to(address: Host, examine: Callable[[Any, Host], None]) -> Any:
    """Return an autocommit connection to one address that `examine` does not refuse. Raises psycopg2.Error."""
    with deadline(CONNECT_SECONDS_A_HOST):
        connection: Any = psycopg2.connect(connection_factory=ReplicaConnection, **address)  # type: ignore[call-overload]
        connection.autocommit = True
        try:
            examine(connection, address)
        except psycopg2.Error:
            connection.close()
            raise
        return connection
