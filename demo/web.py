"""The service as a child process under gunicorn, exactly as it runs elsewhere."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from demo.binaries import DemoError
from demo.options import ROOT, Options
from demo.postgres import build_error

READY_SECONDS = 30.0
STOP_SECONDS = 10.0


class ServiceProcess:
    """gunicorn with the project's own configuration, told everything by the environment."""

    def __init__(self, options: Options, replica_url: str) -> None:
        """Start it with our own environment, so that TICKITI_ variables work here too, and what the demo decides."""
        self.log = options.data / "service.log"
        self._admin = find_local_host(options.host), options.admin_port
        decided = {
            "TICKITI_REPLICA_URL": replica_url,
            "TICKITI_REPLICA_SCHEMA": "reporting",
            "TICKITI_BIND": format_address(options.host, options.port),
            "TICKITI_ADMIN_BIND": format_address(options.host, options.admin_port),
        }
        prefix = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **decided},
                process_group=0,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self) -> None:
        """Return once the service itself says that it is ready; DemoError with its log's tail if not."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers_ready():
            if not self.is_running:
                raise self.describe("ended before it was ready")
            if time.monotonic() > deadline:
                raise self.describe(f"was not ready within {READY_SECONDS:g} s")
            time.sleep(0.05)

    def stop(self) -> None:
        """Let it finish its requests, then make whatever is left of it end."""
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self.kill()
        self._process.wait()

    def kill(self) -> None:
        """Make all its processes end at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def describe(self, problem: str) -> DemoError:
        return build_error("service", problem, self.log)

    def _answers_ready(self) -> bool:
        try:
            with contextlib.closing(http.client.HTTPConnection(*self._admin, timeout=2)) as connection:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def check_port(host: str, port: int, option: str) -> None:
    """Raise DemoError, which names the port and its option, where somebody else listens there."""
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise DemoError(f"cannot listen on {host} ({error.strerror}): choose another with --host") from error
    except OSError as error:
        problem = f"cannot listen on {host} port {port} ({error.strerror})"
        raise DemoError(f"{problem}: choose another with {option}") from error


def find_local_host(host: str) -> str:
    """Return the host by which a server that listens on this address is reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def format_address(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
