"""A replica that cannot be connected to: /readyz, the log and `check` say why, callers get the same 503 as ever."""

import contextlib
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from demo.loading import READER, create_reader, create_schema
from demo.pair import Pair
from tests.support.running import ROOT, build_environment, wait_until
from tests.support.servers import OPENSSL, make_certificate
from tests.support.shop import PRIYA, Shop, open_shop
from tickiti_query.cli import main
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.replica import connect_reasons as reasons

ROLE = "with_password"
PASSWORD = "p@ss:w/o#r?d%"
ADMITTED = f"local all {ROLE} scram-sha-256\nlocal all refused reject\nlocal all all trust\n"
NOBODY = 65534


@dataclass(frozen=True)
class Server:
    """A standby that asks one role for a password, and its pair."""

    pair: Pair

    def url(self, user: str = ROLE, database: str = "postgres") -> str:
        standby = self.pair.standby
        return f"postgresql://{user}@/{database}?host={quote(str(standby.sockets))}&port={standby.port}"

    def set_password(self, password: str) -> None:
        self.pair.primary.execute(f"ALTER ROLE {ROLE} PASSWORD %s", (password,))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Pair.create(tmp_path_factory.mktemp("own") / "pair") as pair:
        with contextlib.closing(pair.primary.connect()) as connection:
            create_schema(connection)
            create_reader(connection)
            create_reader(connection, role=ROLE)
        own = Server(pair)
        own.set_password(PASSWORD)
        (pair.standby.data / "pg_hba.conf").write_text(ADMITTED)
        pair.standby.execute("SELECT pg_reload_conf()")
        pair.wait_replayed()
        wait_until(
            lambda: open_shop(pair, replica_url=own.url()).probe()[1]["checks"]["replica"] == reasons.NOTHING_TO_LOG_IN
        )
        yield own


def encode(url: str, password: str) -> str:
    return url.replace("@/", f":{quote(password, safe='')}@/")


def check_reason(shop: Shop, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    """Readiness and the log have the sentence; the API has its own."""
    caplog.clear()
    log = logging.getLogger("tickiti_query.health")
    log.addHandler(caplog.handler)  # the service that was made in this test has replaced the handlers of the root
    try:
        status, body = shop.probe()
    finally:
        log.removeHandler(caplog.handler)
    assert (status, body["checks"]["replica"]) == (503, sentence)
    assert [record.facts["reason"] for record in caplog.records] == [sentence]  # type: ignore[attr-defined]
    response = shop.ask(PRIYA)
    assert (response.status_code, response.get_json()["message"]) == (503, ReplicaUnavailable.default_message)


def run_check(url: str, **settings: str) -> tuple[int, str]:
    """Return the exit code of `check`, and what it says of the connection."""
    done = subprocess.run(
        [sys.executable, "-m", "tickiti_query", "check"],
        cwd=ROOT,
        env=build_environment(TICKITI_REPLICA_URL=url, **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.partition(" can be connected to: ")[2].strip() or done.stdout


@pytest.mark.parametrize(
    ("user", "password", "database", "sentence"),
    [
        (ROLE, "wrong", "postgres", reasons.LOGIN),
        (ROLE, "", "postgres", reasons.NOTHING_TO_LOG_IN),
        ("no_such_role", "", "postgres", reasons.LOGIN),
        ("refused", "", "postgres", reasons.NOT_ADMITTED),
        (READER, "", "no_such_database", reasons.NO_DATABASE),
    ],
)
def test_what_the_server_refuses_is_told(
    server: Server, caplog: pytest.LogCaptureFixture, user: str, password: str, database: str, sentence: str
) -> None:
    url = server.url(user, database)
    url = encode(url, password) if password else url
    check_reason(open_shop(server.pair, replica_url=url), sentence, caplog)
    assert run_check(url) == (2, sentence)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://reader@no-such-host.invalid/x", reasons.NO_NAME),
        ("postgresql://reader@127.0.0.1:1/x", reasons.REFUSED),
        ("postgresql://reader@/x?host=/no/such", reasons.NO_SOCKET),
        ("postgresql://reader@127.0.0.1:1/x?sslmode=HALFASECRET", reasons.PARAMETER),
        (
            "postgresql://reader@127.0.0.1:1,no-such-host.invalid/x",
            f"Host 1 of 2: {reasons.REFUSED} Host 2 of 2: {reasons.NO_NAME}",
        ),
    ],
)
def test_what_is_no_server_is_told(server: Server, caplog: pytest.LogCaptureFixture, url: str, sentence: str) -> None:
    check_reason(open_shop(server.pair, replica_url=url), sentence, caplog)
    assert run_check(url) == (2, sentence)


def test_a_server_that_is_silent_is_told(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://reader@127.0.0.1:{silent.getsockname()[1]}/x"
        check_reason(open_shop(server.pair, replica_url=url), reasons.TIMEOUT, caplog)
        assert run_check(url) == (2, reasons.TIMEOUT)


@contextlib.contextmanager
def serve_tls(certificate: Path) -> Iterator[int]:
    """Serve TLS as PostgreSQL begins it, and close the connection after it: the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), client:
                    client.recv(8)
                    client.sendall(b"S")
                    context.wrap_socket(client, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.skipif(not OPENSSL.exists(), reason="no openssl: no certificate was made")
def test_a_certificate_that_does_not_hold_is_told(
    server: Server, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    shown, other = (make_certificate(tmp_path / f"{name}.crt", name) for name in ("replica.example", "other.example"))
    garbage = tmp_path / "garbage.crt"
    garbage.write_text("HALFASECRET")
    cases = {
        f"verify-full&sslrootcert={shown}": reasons.OTHER_CERTIFICATE,
        f"verify-ca&sslrootcert={other}": reasons.BAD_CERTIFICATE,
        f"verify-ca&sslrootcert={tmp_path / 'none.crt'}": reasons.NO_AUTHORITY,
        f"verify-ca&sslrootcert={garbage}": reasons.BAD_KEY,
        f"require&sslcert={shown}&sslkey={tmp_path / 'none.key'}": reasons.BAD_KEY,
        f"verify-ca&sslrootcert={shown}": reasons.CLOSED,  # the certificate holds, and that server says no more
    }
    with serve_tls(shown) as port:
        for mode, sentence in cases.items():
            url = f"postgresql://reader@127.0.0.1:{port}/x?sslmode={mode}"
            check_reason(open_shop(server.pair, replica_url=url), sentence, caplog)


# The program connects as another user: of the process alone, as `setpriv`, gosu and systemd's User= do it.
AS_ANOTHER = """
import os, sys
from werkzeug.test import Client
from app import create_service
from config.settings import load_settings
client = Client(create_service(load_settings(os.environ)).admin_app)
client.get("/livez")  # imports what it needs: the other user may not read where Python is
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
print(client.get("/readyz").get_json()["checks"]["replica"])
"""


def probe_as(user: int, url: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER, str(user)],
        cwd=ROOT,
        env={**build_environment(TICKITI_REPLICA_URL=url), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: no user can be switched to")
def test_a_user_that_was_switched_is_told_what_it_lacks(tmp_path: Path) -> None:
    assert probe_as(54321, "postgresql://127.0.0.1:1/x", {}) == reasons.NO_LOCAL_USER
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    home.chmod(0o700)
    certificate = make_certificate(tmp_path / "replica.crt", "replica.example")
    with serve_tls(certificate) as port:
        url = f"postgresql://reader@127.0.0.1:{port}/x?sslmode=require"
        assert probe_as(NOBODY, url, {"HOME": str(home)}) == reasons.HOME_FILE
        assert probe_as(NOBODY, url, {"HOME": "/nonexistent"}) == reasons.CLOSED
        # libpq's sentence of such a key is no text at all.
        key = f"{url}&sslcert=/etc/ssl/certs/ca-certificates.crt&sslkey={certificate.with_suffix('.key')}"
        assert probe_as(NOBODY, key, {"HOME": "/nonexistent"}) in {reasons.HOME_FILE, reasons.BAD_KEY, reasons.UNKNOWN}


def test_a_reason_that_changes_is_told_again(server: Server, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    file = tmp_path / "password"
    shop = open_shop(server.pair, replica_url=server.url(), replica_password_file=str(file))
    check_reason(shop, "The file of TICKITI_REPLICA_PASSWORD_FILE cannot be read by this process, or is empty.", caplog)
    file.write_text("wrong\n")
    check_reason(shop, reasons.LOGIN, caplog)
    file.write_text(f"{PASSWORD}\n")
    assert shop.probe()[0] == 200


def write_secret(directory: Path, content: str) -> None:
    """Write a secret as Kubernetes does: `secret` leads through a link, which is swapped for another one."""
    version = directory / f"..{os.urandom(4).hex()}"
    version.mkdir()
    file = version / "secret"
    file.write_text(content)
    file.chmod(0o600)
    (directory / "..next").symlink_to(version.name)
    (directory / "..next").rename(directory / "..data")


@pytest.mark.parametrize("kind", ["password file", "PGPASSFILE"])
def test_a_password_that_is_changed_is_used_by_new_connections_without_a_restart(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def write_line(password: str) -> str:
        if kind == "password file":
            return f"{password}\n"
        escaped = password.replace(":", "\\:")
        return f"*:*:*:{ROLE}:{escaped}\n"

    file = tmp_path / "secret"
    file.symlink_to("..data/secret")
    write_secret(tmp_path, write_line(PASSWORD))
    settings = {"replica_password_file": str(file)} if kind == "password file" else {}
    monkeypatch.setenv("PGPASSFILE", str(file))
    shop = open_shop(server.pair, replica_url=server.url(), **settings)
    assert shop.probe()[0] == 200
    pids = list_sessions(server)
    assert pids
    server.set_password("another one")
    try:
        server.pair.wait_replayed()
        assert shop.probe()[0] == 200  # on the connections that there are
        assert list_sessions(server) == pids
        write_secret(tmp_path, write_line("another one"))
        for pid in pids:
            server.pair.standby.execute("SELECT pg_terminate_backend(%s)", (pid,))
        wait_until(lambda: shop.probe()[0] == 200)
        assert not set(list_sessions(server)) & set(pids)
    finally:
        server.set_password(PASSWORD)
        server.pair.wait_replayed()


def list_sessions(server: Server) -> list[int]:
    """The process ids of the role's sessions on the standby."""
    rows = server.pair.standby.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s ORDER BY pid", (ROLE,))
    return [pid for (pid,) in rows]


def test_check_reads_the_password_from_its_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    monkeypatch.setenv("TICKITI_REPLICA_URL", server.url())
    monkeypatch.setenv("TICKITI_REPLICA_PASSWORD_FILE", str(file))
    assert main(["check"]) == 0
    assert " 0 faults" in capsys.readouterr().out
