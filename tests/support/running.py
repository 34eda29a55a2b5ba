"""gunicorn with our own configuration, in a process group of its own: its two ports, its log, its workers."""

import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.shop import PATH

ROOT = Path(__file__).parents[2]
# Not `python -m`: a second instance, which SIGUSR2 asks for, is started by the same words.
COMMAND = [str(Path(sys.executable).with_name("gunicorn")), "-c", "config/gunicorn.conf.py", "wsgi:app"]
SECONDS = 60.0  # for what takes a moment, on a machine that has none


# Below the ports that the system gives to whoever connects, a part of them for each process that runs tests.
PORTS = range(20_000, 32_000)
PARTS = 8
part = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PARTS
next_ports = itertools.cycle(random.sample(PORTS[part::PARTS], len(PORTS) // PARTS))


def find_free_port() -> int:
    """Return a port that nobody has, and that nobody else among the tests is given."""
    return next(port for port in next_ports if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(holds: Callable[[], bool], tell: Callable[[], object] = lambda: "") -> None:
    """Poll; AssertionError, with what `tell` says, when time is up."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.02)


def build_environment(**settings: str) -> dict[str, str]:
    """Our environment without settings of the service, and the ones that are given."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith(("TICKITI_", "OTEL_"))}
    return {**rest, **settings}


class Running:
    """gunicorn, started; `log` is a file for its log, or an open descriptor that takes it.

    `settings` are variables of its environment; unless they name one, there is no rate limit, and the ports are
    free ones. `arguments` are gunicorn's own; `command` is what starts it.
    """

    def __init__(
        self, url: str, log: Path | int, *arguments: str, command: Sequence[str] = COMMAND, **settings: str
    ) -> None:
        binds = {name: f"127.0.0.1:{find_free_port()}" for name in ("TICKITI_BIND", "TICKITI_ADMIN_BIND")}
        settings = {"TICKITI_RATE_LIMIT": "", **binds, **settings}
        self.port, self.admin_port = (int(settings[name].rpartition(":")[2]) for name in binds)
        self._log = log
        with contextlib.ExitStack() as opened:
            output = opened.enter_context(log.open("wb")) if isinstance(log, Path) else log
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                stdout=subprocess.DEVNULL if isinstance(log, int) else output,
                stderr=output,
                process_group=0,
                env=build_environment(TICKITI_REPLICA_URL=url, **settings),
            )

    def get(self, path: str, *, port: int | None = None) -> tuple[int, Any]:
        return self.request("GET", path, port=port)

    def request(
        self,
        method: str,
        path: str,
        *,
        port: int | None = None,
        token: str = "",
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        sent = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
            **(headers or {}),
        }
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=SECONDS)) as link:
            link.request(method, path, body or None, sent)
            response = link.getresponse()
            return response.status, json.loads(response.read())

    def ask(self, token: str, body: str = "{}") -> tuple[int, Any]:
        return self.request("POST", PATH, token=token, body=body)

    def is_up(self) -> bool:
        return self.can_get("/readyz")

    def can_get(self, path: str) -> bool:
        """Return whether the operations port answers 200; AssertionError where the process has ended."""
        assert self.process.poll() is None, self.read_log()
        try:
            return self.get(path, port=self.admin_port)[0] == 200
        except OSError:
            return False

    def list_workers(self) -> list[int]:
        """The process ids of the workers."""
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def read_log(self) -> str:
        return self._log.read_text("utf-8") if isinstance(self._log, Path) else ""

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
