"""A primary and its hot standby: what is committed on the one is visible on the other at once."""

import random
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from demo import binaries, cluster
from demo.postgres import PostgresServer

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "jit": "off",
    "timezone": "UTC",
    "wal_level": "replica",
    "hot_standby": "on",
    "wal_keep_size": "256MB",
    "wal_retrieve_retry_interval": "50ms",
    "wal_receiver_timeout": "2s",  # an idle link is never silent for longer than half of it
    "wal_receiver_status_interval": "1s",
    "wal_sender_timeout": "5s",
    "autovacuum": "off",  # nothing happens on the primary but what was asked for
}
PORTS = range(10_000, 20_000)
PRIMARY_SETTINGS = {"synchronous_standby_names": "*", "synchronous_commit": "remote_apply"}


@dataclass(frozen=True)
class Pair:
    """Two servers over one directory, from an empty directory or a former pair's."""

    directory: Path
    primary: PostgresServer
    standby: PostgresServer

    @classmethod
    def create(cls, directory: Path, *, settings: Mapping[str, str] | None = None, listen: bool = False) -> Self:
        """Prepare both data directories, or take those that are there; nothing runs yet.

        `settings` are for both servers and win over ours. `listen` adds a TCP port on 127.0.0.1 to each.
        """
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        if not any(directory.iterdir()):
            binaries.hand_over(directory)
        sockets = cluster.make_socket_directory(directory)
        ports = _find_free_ports() if listen else (5432, 5433)
        both = {**SETTINGS, **(settings or {})}
        link = f"host='{sockets}' port={ports[0]} user=postgres application_name=standby"
        primary = PostgresServer(
            cluster.make_primary_data(directory),
            sockets=sockets,
            port=ports[0],
            settings={**PRIMARY_SETTINGS, **both},
            listen=listen,
        )
        standby = PostgresServer(
            cluster.make_standby_data(directory),
            sockets=sockets,
            port=ports[1],
            settings={"primary_conninfo": link, **both},
            listen=listen,
        )
        return cls(directory, primary, standby)

    def start(self, timeout: float = 30.0) -> Self:
        """Start what is not running; return when the standby streams and both answer."""
        try:
            self.primary.start()
            self.standby.start()
            self.primary.wait_ready(timeout)
            self.standby.wait_ready(timeout)
            self.standby.wait_until("stream from the primary", self._streams, timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, signum: int = signal.SIGQUIT) -> None:
        """Stop both, the primary first: its last records still reach the standby."""
        self.primary.stop(signum)
        self.standby.stop(signum)

    def kill(self) -> None:
        """Make both end at once."""
        self.primary.kill()
        self.standby.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_replayed(self, timeout: float = 60.0) -> None:
        """Return once the standby has applied all that the primary has written up to now."""
        [(target,)] = self.primary.execute("SELECT CAST(pg_current_wal_lsn() AS text)")
        sql = "SELECT pg_last_wal_replay_lsn() >= CAST(%s AS pg_lsn)"

        def has_replayed() -> bool:
            return bool(self.standby.execute(sql, (target,))[0][0])

        self.standby.wait_until(f"replay up to {target}", has_replayed, timeout)

    def _streams(self) -> bool:
        sql = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'"
        return bool(self.primary.execute(sql)[0][0])


def _find_free_ports() -> tuple[int, int]:
    """Two ports below those that the system gives to whoever connects."""
    free = filter(_is_free, random.sample(PORTS, len(PORTS)))
    return next(free), next(free)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
