"""The environment of the faults: a primary, two standbys, a world that is written to, and one slow relation."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import libfaketime
import psycopg2
import pytest

from demo import binaries
from demo import pair as pairs
from demo.loading import READER, create_reader, create_schema, load_world
from demo.pair import Pair
from demo.postgres import PostgresServer
from tests.faults.fault import STATEMENT_SECONDS, Scene, wait_until
from tests.faults.traffic import CLIENTS
from tests.faults.truth import Observer, Truth, Writer, connect_writer, make_numbered
from tests.support.running import Running, find_free_port
from tests.support.running import wait_until as wait_for_start
from tests.support.servers import LISTENING, create_listening_pair

LAG_SECONDS = 2
SETTINGS = {
    "TICKITI_WORKERS": "2",
    "TICKITI_STATEMENT_TIMEOUT_MS": str(STATEMENT_SECONDS * 1000),
    "TICKITI_MAX_REPLICA_LAG_SECONDS": str(LAG_SECONDS),
    "TICKITI_THREADS": str(2 * CLIENTS),  # one token has half of the places, and so finds one for every client
}
# One relation becomes a view that takes as long as `pace` says; `scratch` is for commits that change no answer.
SLOW = f"""
CREATE TABLE public.pace (seconds double precision NOT NULL);
INSERT INTO public.pace VALUES (0);
CREATE TABLE public.scratch (id bigint);
ALTER TABLE reporting.watchlist_tickets RENAME TO listed_tickets;
CREATE VIEW reporting.watchlist_tickets AS
SELECT t.* FROM reporting.listed_tickets t, pg_sleep((SELECT seconds FROM public.pace));
GRANT SELECT ON reporting.watchlist_tickets TO {READER}
"""


class Clock:
    """The wall clock of the processes that are started with `variables`: it can be set while they run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)
        library = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, hours: int) -> None:
        """Step to this distance from the true time. Written under another name: no reader finds half of it."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{hours * 3600:+d}")
        fresh.chmod(0o644)
        fresh.replace(self._file)


class Environment:
    """The servers, and what can be done to them. A test that breaks one repairs it."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.clock = clock
        self.pair = create_listening_pair(directory)
        self.primary, self.standby = self.pair.primary, self.pair.standby
        self.second = make_standby(self.pair, "second")
        self.writer = Writer(self.primary)
        self.observer, self.second_observer = Observer(self.standby), Observer(self.second)

    @contextlib.contextmanager
    def running(self) -> Iterator["Environment"]:
        with contextlib.ExitStack() as ends:
            ends.callback(self.pair.stop)
            ends.callback(self.second.stop)
            self.pair.start()
            fill(self.primary, self.second)
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self.clock.variables.items():
                    patch.setenv(name, value)
                self.second.start()
            self.second.wait_ready()
            with contextlib.closing(self.primary.connect()) as connection:
                create_schema(connection)
                create_reader(connection)
                load_world(connection, make_numbered(0))
            self.write(SLOW)
            self.wait_replayed()
            for each in (self.writer, self.observer, self.second_observer):
                each.start()
                ends.callback(each.stop)
            yield self

    @contextlib.contextmanager
    def another_standby(self, name: str, port: int | None = None) -> Iterator[tuple[PostgresServer, Observer]]:
        """One more standby that runs as long as the block, and who watches it. It follows the primary, or a port."""
        standby = make_standby(self.pair, name, port)
        fill(self.primary, standby)
        standby.start()
        observer = Observer(standby)
        try:
            standby.wait_ready()
            observer.start()
            yield standby, observer
        finally:
            observer.stop()
            standby.stop()

    def write(self, sql: str, values: tuple[Any, ...] | None = None) -> None:
        """Commit on the primary, without waiting for a standby; each statement in a transaction of its own."""
        with contextlib.closing(connect_writer(self.primary)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)

    def wait_replayed(self) -> None:
        """Return once both standbys show what the primary has written."""
        for standby in (self.standby, self.second):
            replace(self.pair, standby=standby).wait_replayed()

    @contextlib.contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Reading one relation takes this long."""
        self.write("UPDATE public.pace SET seconds = %s", (seconds,))
        self.wait_replayed()
        try:
            yield
        finally:
            self.write("UPDATE public.pace SET seconds = 0")

    @contextlib.contextmanager
    def impatient(self) -> Iterator[None]:
        """Replay on the standby waits for no reader."""
        configure(self.standby, "ALTER SYSTEM SET max_standby_streaming_delay = 0")
        try:
            yield
        finally:
            configure(self.standby, "ALTER SYSTEM RESET max_standby_streaming_delay")

    def commit_scratch(self) -> None:
        """A commit that changes no answer, but ends every proof."""
        self.write("INSERT INTO public.scratch VALUES (1)")

    def collide(self) -> None:
        """Remove rows that a snapshot on the standby may still see: its replay collides with every reader."""
        self.write("DELETE FROM public.scratch")
        self.write("VACUUM public.scratch")

    def list_sessions(self, condition: str = "true") -> list[int]:
        """The process ids of the service's sessions on the standby."""
        sql = f"SELECT pid FROM pg_stat_activity WHERE usename = %s AND {condition}"
        return [pid for (pid,) in self.standby.execute(sql, (READER,))]

    def wait_sleeping(self) -> None:
        """Return once a reading of the slow relation is under way on the standby."""
        wait_until(lambda: bool(self.list_sessions("wait_event = 'PgSleep'")), "a slow reading is under way")

    def wait_read(self) -> None:
        """Return once every reading on the standby that is under way now has ended."""
        [(now,)] = self.standby.execute("SELECT CAST(clock_timestamp() AS text)")
        wait_until(lambda: not self.list_sessions(f"xact_start < '{now}'"), "older readings have ended")

    def count_conflicts(self) -> int:
        """Return the number of readings that the standby has ended because replay collided with them."""
        [(count,)] = self.standby.execute("SELECT sum(confl_snapshot) FROM pg_stat_database_conflicts")
        return int(count)

    @contextlib.contextmanager
    def serve(self, url: str, log: Path | int, tell: Any, *observers: Observer, **settings: str) -> Iterator[Scene]:
        """The service over this URL, with the settings of all faults and these."""
        running = Running(url, log, **{**SETTINGS, **settings})
        try:
            wait_for_start(running.is_up)
            yield Scene(running, Truth(self.writer, *observers), tell)
        finally:
            running.end()


@contextlib.contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """These processes neither run nor end."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def make_standby(pair: Pair, name: str, port: int | None = None) -> PostgresServer:
    """Another standby of the same primary, or of the server at a port, with nothing in it yet."""
    host, port = (pair.primary.sockets, pair.primary.port) if port is None else ("127.0.0.1", port)
    link = f"host='{host}' port={port} user=postgres application_name={name}"
    settings = {**pairs.SETTINGS, **LISTENING, "primary_conninfo": link}
    data = pair.directory / name
    return PostgresServer(data, sockets=pair.primary.sockets, port=find_free_port(), settings=settings)


def fill(primary: PostgresServer, standby: PostgresServer) -> None:
    """Give a standby the data of a primary that runs."""
    program = binaries.find_bindir() / "pg_basebackup"
    options = ["--checkpoint=fast", "--no-sync", "--wal-method=stream", "--dbname", primary.url_for("postgres")]
    subprocess.run([program, *options, "--pgdata", standby.data], check=True, timeout=60)
    (standby.data / "standby.signal").touch()
    binaries.hand_over(standby.data)


def configure(server: PostgresServer, sql: str) -> None:
    """Change a setting of a running server."""
    server.execute(sql)
    server.execute("SELECT pg_reload_conf()")


def bring_back(standby: PostgresServer) -> None:
    """Start a server that was stopped."""
    standby.start()
    standby.wait_ready()


def is_there(standby: PostgresServer) -> bool:
    """Return whether the standby answers."""
    try:
        standby.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return True
