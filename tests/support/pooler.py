"""PgBouncer between the service and a server, as Debian packages it."""

import shutil
import subprocess
from pathlib import Path
from typing import Self

import psycopg2

from demo import binaries
from demo.loading import READER
from demo.postgres import PostgresServer
from tests.support.running import find_free_port, wait_until

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class Pooler:
    """PgBouncer in transaction mode with `sessions` of its own on a server; `settings` are more of its own."""

    def __init__(
        self, directory: Path, server: PostgresServer, *, sessions: int, database: str = "postgres", settings: str = ""
    ) -> None:
        self.port = find_free_port()
        self.url = f"postgresql://{READER}@127.0.0.1:{self.port}/{database}"
        self._database = database
        directory.mkdir(exist_ok=True)
        self._file = directory / "pgbouncer.ini"
        self._sessions, self._settings = sessions, settings
        self._write(server)
        binaries.hand_over(directory)
        self.log = directory / "pgbouncer.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*binaries.build_prefix(), str(PGBOUNCER), str(self._file)], stdout=log, stderr=log
            )

    def _write(self, server: PostgresServer) -> None:
        self._file.write_text(
            f"""
[databases]
{self._database} = host={server.sockets} port={server.port} user={READER}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = any
admin_users = {READER}
pool_mode = transaction
default_pool_size = {self._sessions}
max_client_conn = 200
server_login_retry = 0
{self._settings}
"""
        )

    def lead_to(self, server: PostgresServer) -> None:
        """Lead to another server from now on; clients stay connected."""
        self._write(server)
        self.command("RELOAD")
        self.command("RECONNECT")

    def command(self, command: str) -> list[tuple[object, ...]]:
        """Run a command of its console: the rows, if it has any."""
        connection = psycopg2.connect(self.url.rpartition("/")[0] + "/pgbouncer", connect_timeout=5)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(command)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text("utf-8")
        try:
            return bool(self.command("SHOW VERSION"))
        except psycopg2.OperationalError:
            return False

    def __enter__(self) -> Self:
        wait_until(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
