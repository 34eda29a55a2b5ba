"""One PostgreSQL server as a child process: start, stop, crash, connect."""

import contextlib
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
from psycopg2 import extensions

from demo import binaries
from demo.binaries import DemoError

POLL_SECONDS = 0.01
STOP_SECONDS = 10.0  # PostgreSQL itself kills a child that hangs after five
ANSWER_SECONDS = 60.0  # for one statement of the demo's


class PostgresServer:
    """A server over one data directory; its settings travel on the command line, none in its files."""

    def __init__(self, data: Path, *, sockets: Path, port: int, settings: Mapping[str, str]) -> None:
        self.data = data
        self.sockets = sockets
        self.port = port
        self.log = data.with_suffix(".log")
        place = {"listen_addresses": "", "unix_socket_directories": str(sockets), "port": str(port)}
        self._settings = {**place, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def url_for(self, user: str, database: str = "postgres") -> str:
        """Return the URL over the unix socket, as this role, which needs no password."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self.sockets))}&port={self.port}"

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._process is None:
            raise DemoError(f"{self.data.name} was never started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Start the process without waiting for it; `settings` hold for this start only."""
        if self.is_running:
            return
        options = [f"--{name}={value}" for name, value in {**self._settings, **(settings or {})}.items()]
        program = str(binaries.find_bindir() / "postgres")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*binaries.build_prefix(), program, "-D", str(self.data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=binaries.build_environment(),
                process_group=0,  # Ctrl-C is for the program that started us; it decides what stops when
            )

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Return once a connection succeeds; DemoError when the process ended or time is up."""
        self.wait_until("accept connections", self._accepts, timeout)

    def wait_until(self, what: str, holds: Callable[[], bool], timeout: float) -> None:
        """Poll until the condition holds; DemoError when the process ended or time is up."""
        deadline = time.monotonic() + timeout
        while not holds():
            if not self.is_running:
                raise build_error(self.data.name, f"ended before it could {what}", self.log)
            if time.monotonic() > deadline:
                raise build_error(self.data.name, f"did not {what} within {timeout:g} s", self.log)
            time.sleep(POLL_SECONDS)

    def stop(self, signum: int = signal.SIGQUIT) -> None:
        """Signal the postmaster and wait; whatever hangs is made to end.

        SIGQUIT ends at once, as a crash would; SIGINT disconnects everyone and writes a checkpoint.
        """
        for attempt in (signum, signal.SIGQUIT, signal.SIGKILL):
            process = self._process
            if process is None or process.poll() is not None:
                return
            process.send_signal(attempt)
            process.send_signal(signal.SIGCONT)  # a frozen server would not hear the first
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill the postmaster without waiting for it; its children end when they see it gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def connect(self, *, user: str = "postgres", options: str = "") -> extensions.connection:
        """Return a new connection in autocommit, which the caller closes."""
        connection = psycopg2.connect(self.url_for(user), connect_timeout=5, options=options)
        connection.autocommit = True
        return connection

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser on a connection of its own, and return its rows, if it has any."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def _accepts(self) -> bool:
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True


def wait_for_postgres(connection: extensions.connection) -> None:
    """Wait for a connection, as psycopg2's wait callback: signals are heard meanwhile, and time is limited."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DemoError(f"a PostgreSQL server did not answer within {ANSWER_SECONDS:g} s")
        descriptor = [connection.fileno()]
        reads, writes = (descriptor, []) if state == extensions.POLL_READ else ([], descriptor)
        select.select(reads, writes, [], left)


def build_error(name: str, problem: str, log: Path) -> DemoError:
    """Return the error that says what is the matter with a process, and the last lines of its log, indented."""
    text = log.read_bytes()[-8192:].decode("utf-8", "replace") if log.is_file() else ""
    tail = "\n".join(f"    {line}" for line in text.splitlines()[-15:])
    return DemoError(f"the {name} {problem}: see {log}\n{tail}")
