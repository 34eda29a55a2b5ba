"""A primary and its hot standby over one directory: what is committed on the one is visible on the other at once."""

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from demo import binaries
from demo.binaries import DemoError
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
PRIMARY_SETTINGS = {"synchronous_standby_names": "*", "synchronous_commit": "remote_apply"}
# C.UTF-8: with plain C the database's lower() would know ASCII alone
INITDB_OPTIONS = "--username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions"
INITDB_SECONDS = 120.0
COPY_SECONDS = 300.0
LONGEST_SOCKET_DIRECTORY = 80  # a unix socket's whole path ends at 107 bytes


@dataclass(frozen=True)
class Pair:
    """Two servers over one directory, from an empty directory or a former pair's."""

    directory: Path
    primary: PostgresServer
    standby: PostgresServer

    @classmethod
    def create(
        cls, directory: Path, *, settings: Mapping[str, str] | None = None, ports: tuple[int, int] = (5432, 5433)
    ) -> Self:
        """Prepare both data directories, or take those that are there; nothing runs yet.

        `settings` are for both servers and win over ours. The ports are of sockets alone, unless `settings` name an
        address to listen on.
        """
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        if not any(directory.iterdir()):
            binaries.hand_over(directory)
        sockets = _make_socket_directory(directory)
        ours, theirs = _make_primary_data(directory), _make_standby_data(directory)
        both = {**SETTINGS, **(settings or {})}
        link = f"host='{sockets}' port={ports[0]} user=postgres application_name=standby"
        primary = PostgresServer(ours, sockets=sockets, port=ports[0], settings={**PRIMARY_SETTINGS, **both})
        standby = PostgresServer(theirs, sockets=sockets, port=ports[1], settings={"primary_conninfo": link, **both})
        return cls(directory, primary, standby)

    def start(self, timeout: float = 30.0) -> Self:
        """Start what is not running; return when the standby streams and both answer."""
        streams = "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'"
        try:
            self.primary.start()
            self.standby.start()
            self.primary.wait_ready(timeout)
            self.standby.wait_ready(timeout)
            self.standby.wait_until(
                "stream from the primary", lambda: self.primary.execute(streams) == [(True,)], timeout
            )
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
        replayed = "SELECT pg_last_wal_replay_lsn() >= CAST(%s AS pg_lsn)"
        self.standby.wait_until(
            f"replay up to {target}", lambda: self.standby.execute(replayed, (target,)) == [(True,)], timeout
        )


def _make_primary_data(directory: Path) -> Path:
    """Make the primary's directory by initdb, and return it. It has its final name only once it is whole."""
    data, fresh = directory / "primary", directory / "primary.new"
    if data.is_dir():
        return data
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    binaries.hand_over(fresh)
    initdb = [str(binaries.find_bindir() / "initdb"), *INITDB_OPTIONS.split(), "-D", str(fresh)]
    command = [*binaries.build_prefix(), *initdb]
    code, output = _run(command, INITDB_SECONDS, f"initdb did not end within {INITDB_SECONDS:g} s in {fresh}")
    if code:
        reasons = [line for line in output.splitlines() if "error:" in line or "FATAL:" in line]
        raise DemoError(f"initdb failed in {fresh}: {' '.join(reasons[:1])}\n{output}")
    return fresh.rename(data)


def _make_standby_data(directory: Path) -> Path:
    """Copy the primary's directory while nothing runs, and return the copy: no base backup is needed."""
    source, data, fresh = (directory / name for name in ("primary", "standby", "standby.new"))
    if (data / "standby.signal").exists():
        return data
    for leftover in (data, fresh):
        shutil.rmtree(leftover, ignore_errors=True)
    command = ["cp", "-a", str(source), str(fresh)]
    code, output = _run(command, COPY_SECONDS, f"{source} was not copied within {COPY_SECONDS:g} s")
    if code:
        raise DemoError(f"{source} could not be copied: {output}")
    (fresh / "postmaster.pid").unlink(missing_ok=True)
    (fresh / "standby.signal").touch()
    binaries.hand_over(fresh)
    return fresh.rename(data)


def _run(command: Sequence[str], seconds: float, late: str) -> tuple[int, str]:
    """Return a program's exit status and output; DemoError, which says `late`, when time is up.

    It runs in a process group of its own: interrupted, its children must not write on behind our back.
    """
    environment = binaries.build_environment()
    into, none = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd="/", env=environment, stdin=none, stdout=into, stderr=subprocess.STDOUT, text=True, process_group=0
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise DemoError(late) from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output


def _make_socket_directory(directory: Path) -> Path:
    """Make the sockets' directory, and return it: below the pair's if that is short enough, else one in /tmp."""
    sockets = directory / "sockets"
    if len(os.fsencode(sockets)) > LONGEST_SOCKET_DIRECTORY:
        digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
        sockets = Path(f"/tmp/tickiti-{os.geteuid()}-{digest}")  # noqa: S108 - made ours, or refused, below
    sockets.mkdir(mode=0o700, exist_ok=True)
    account = binaries.find_account()
    owners = {os.geteuid()} | ({account.pw_uid} if account else set())
    if sockets.lstat().st_uid not in owners:
        raise DemoError(f"{sockets} belongs to somebody else")
    binaries.hand_over(sockets)
    return sockets
