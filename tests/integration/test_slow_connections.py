"""A replica that takes long to connect to is connected to in the background, address by address."""

import contextlib
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.loading import READER
from demo.pair import Pair
from demo.seed_data import load_seed_data
from tests.support.processes import may_unshare
from tests.support.running import ROOT, build_environment, wait_until
from tests.support.servers import OPENSSL, create_listening_pair, make_certificate
from tests.support.shop import PRIYA, Shop, open_shop

NAME = "replica.example"
PASSWORD = "long way"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair with the shop that speaks TCP, and asks the service's role for a password there."""
    with create_listening_pair(tmp_path_factory.mktemp("far") / "pair") as pair:
        load_seed_data(pair, lambda _line: None)
        pair.primary.execute(f"ALTER ROLE {READER} PASSWORD %s", (PASSWORD,))
        rules = f"host all {READER} all scram-sha-256\nlocal all all trust\nhost all all all trust\n"
        (pair.standby.data / "pg_hba.conf").write_text(rules)
        pair.standby.execute("SELECT pg_reload_conf()")
        pair.wait_replayed()
        yield pair


def ask_until_answered(shop: Shop) -> list[int]:
    """The statuses of requests, one after another, up to the first that is no 503."""
    statuses: list[int] = []

    def is_answered() -> bool:
        statuses.append(shop.ask(PRIYA).status_code)
        return statuses[-1] != 503

    wait_until(is_answered)
    return statuses


@contextlib.contextmanager
def swallow(address: str, port: int) -> Iterator[None]:
    """Listen so that no connection is ever made: the queue of those that nobody has accepted is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex((address, port))
        yield


def test_addresses_that_swallow_packets_take_no_time_from_the_next(
    server: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = server.standby.port
    holes = ("127.0.0.2", "127.0.0.3")
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in (*holes, "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    url = f"postgresql://postgres@{NAME}:{port}/postgres?sslmode=disable"
    with swallow(holes[0], port), swallow(holes[1], port):
        shop = open_shop(server, replica_url=url, cache_ttl_seconds=0)
        assert ask_until_answered(shop)[-1] == 200
        assert {shop.ask(PRIYA).status_code for _ in range(20)} == {200}


# The service in a network of its own, where nobody hears what is sent to two of the replica's addresses.
MAKE_WIRE = ("sh", "-c", "ip link add near type veth peer name far")
IN_A_NETWORK = """
import contextlib, json, socket, subprocess, sys, threading

sockets, port = sys.argv[1:]
wire = [
    "link set lo up", "link add near type veth peer name far", "address add 10.66.0.1/24 dev near", "link set near up",
    "link set far up", "neighbour add 10.66.0.2 lladdr 02:00:00:00:00:02 dev near",
    "neighbour add 10.66.0.3 lladdr 02:00:00:00:00:03 dev near",
]
for words in wire:
    subprocess.run(["ip", *words.split()], check=True)
addresses = ("10.66.0.2", "10.66.0.3", "127.0.0.1")
found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses]
socket.getaddrinfo = lambda *args, **kwargs: found

from config.settings import Settings
from app import create_service
from tests.support.shop import PATH, PRIYA

def carry(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

def serve(listener):
    while True:
        near, _ = listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(f"{sockets}/.s.PGSQL.{port}")
        for pair in ((near, far), (far, near)):
            threading.Thread(target=carry, args=pair, daemon=True).start()

listener = socket.create_server(("127.0.0.1", int(port)))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
url = f"postgresql://postgres@replica.example:{port}/postgres?sslmode=disable"
client = create_service(Settings(replica_url=url, log_level="error")).app.test_client()
for _ in range(10):
    print(client.post(PATH, json={}, headers={"Authorization": f"Bearer {PRIYA}"}).status_code)
"""


@pytest.mark.skipif(not may_unshare("--net", *MAKE_WIRE), reason="no network namespace may be made here")
def test_packets_that_are_dropped_take_no_time_from_the_next_address(server: Pair) -> None:
    standby = server.standby
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", IN_A_NETWORK, str(standby.sockets), str(standby.port)],
        cwd=ROOT,
        env=build_environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=True,
    )
    statuses = done.stdout.split()
    assert statuses[-5:] == ["200"] * 5


class FarAway:
    """Speaks TLS for a server that does not, and holds what is sent for some time on its way in each direction."""

    def __init__(self, port: int, seconds: float, certificate: Path) -> None:
        self._target = port
        self._seconds = seconds
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener's end
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection(("127.0.0.1", self._target)) as far:
            near.recv(8)  # the request for TLS
            time.sleep(2 * self._seconds)
            near.sendall(b"S")
            time.sleep(2 * self._seconds)
            with self._context.wrap_socket(near, server_side=True) as coded:
                while True:
                    for source in select.select([coded, far], [], [])[0]:
                        data = source.recv(65536)
                        if not data:
                            return
                        time.sleep(self._seconds)
                        (far if source is coded else coded).sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.skipif(not OPENSSL.exists(), reason="no openssl: no certificate was made")
def test_a_replica_far_away_is_connected_to_within_the_time_that_the_url_allows(server: Pair, tmp_path: Path) -> None:
    """Login alone takes longer than a request may wait, and longer than connecting may take by default."""
    certificate = make_certificate(tmp_path / "server.crt", NAME)
    with contextlib.closing(FarAway(server.standby.port, 0.3, certificate)) as far:
        url = f"postgresql://{READER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{far.port}/postgres?sslmode=require"
        shop = open_shop(server, replica_url=f"{url}&connect_timeout=60", statement_timeout_ms=30_000)
        statuses = ask_until_answered(shop)
        assert (statuses[0], statuses[-1]) == (503, 200)
        assert ask_until_answered(shop)[-1] == 200
