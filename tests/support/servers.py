"""Faults of a pair's servers, and the other things that only tests do with them."""

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from psycopg2 import extensions, sql

from demo.binaries import DemoError
from demo.pair import Pair
from demo.postgres import PostgresServer
from tests.support.running import find_free_port
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.execution import to_pyformat
from tickiti_query.reporting.contract import RELATIONS

OPENSSL = Path("/usr/bin/openssl")
LISTENING = {"listen_addresses": "127.0.0.1"}  # settings of a server, or of both of a pair


def create_listening_pair(directory: Path) -> Pair:
    """Return a pair that is reached over TCP as well."""
    return Pair.create(directory, settings=LISTENING, ports=(find_free_port(), find_free_port()))


def pause_replay(pair: Pair) -> None:
    """Let the standby receive but not apply; a commit on the primary waits until it is resumed.

    Writers that must not wait connect with `options="-c synchronous_commit=local"`.
    """

    def is_paused() -> bool:
        return bool(pair.standby.execute("SELECT pg_get_wal_replay_pause_state() = 'paused'")[0][0])

    pair.standby.execute("SELECT pg_wal_replay_pause()")
    pair.standby.wait_until("pause its replay", is_paused, 10)


def resume_replay(pair: Pair) -> None:
    pair.standby.execute("SELECT pg_wal_replay_resume()")


def promote(pair: Pair, timeout: float = 60.0) -> None:
    """Make the standby a primary of its own; the next `create` in its directory builds a new standby."""
    [(done,)] = pair.standby.execute("SELECT pg_promote(true, %s)", (int(timeout),))
    if not done:
        raise DemoError(f"the standby was not promoted within {timeout:g} s")


def crash(server: PostgresServer) -> None:
    """End at once without a checkpoint; the next start has to recover."""
    server.stop(signal.SIGQUIT)


def tcp_url_for(server: PostgresServer, user: str) -> str:
    """Return the URL over TCP on 127.0.0.1, for a server with the settings LISTENING."""
    return f"postgresql://{quote(user)}@127.0.0.1:{server.port}/postgres"


def clear_world(connection: extensions.connection, schema: str = "reporting") -> None:
    """Delete every row of every relation in one transaction."""
    names = [sql.Identifier(schema, relation) for relation in RELATIONS]
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(";").join(sql.SQL("DELETE FROM {}").format(name) for name in names))


def make_certificate(path: Path, name: str) -> Path:
    """Make a certificate of a name that signs itself, and its key beside it."""
    words = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -out {path} -keyout {path.with_suffix('.key')}"
    subprocess.run([str(OPENSSL), *words.split()], check=True, capture_output=True)
    return path


@dataclass(frozen=True)
class CursorSource:
    """A connection as a source of rows."""

    connection: extensions.connection

    def fetch(self, statement: Statement) -> list[Row]:
        binds = {name: list(value) if isinstance(value, tuple) else value for name, value in statement.params}
        with self.connection.cursor() as cursor:
            cursor.execute(to_pyformat(statement.sql), binds)
            rows: list[Row] = cursor.fetchall()
            return rows
