"""nginx and HAProxy in front of the service, as Debian packages them, each with connections to it that it keeps."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from tests.support.running import Running, find_free_port, wait_until


def find_program(name: str) -> str | None:
    """Find a program, also in /usr/sbin, which is not on everybody's path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


# A query only reads. docs/operate.md gives these lines.
SEND_AGAIN = {
    "nginx": "proxy_next_upstream error timeout non_idempotent;",
    "haproxy": "retry-on conn-failure empty-response",
}
PROGRAMS = {"nginx": find_program("nginx"), "haproxy": find_program("haproxy")}


def write_nginx(directory: Path, port: int, services: Sequence[Running], cache: str = "") -> list[str]:
    """Write its configuration, with what docs/operate.md says of sending a request again.

    A service that refused a connection is left out for a second and not for ten, so that a test need not wait for it.
    """
    servers = "\n".join(f"server 127.0.0.1:{each.port} fail_timeout=1s;" for each in services)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)
    file = directory / "nginx.conf"
    file.write_text(
        f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    log_format again "$upstream_connect_time";
    access_log {directory}/access.log again;
    {temporary}
    proxy_cache_path {directory}/cache keys_zone=answers:1m;
    upstream service {{
        {servers}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            {SEND_AGAIN["nginx"]}
            {cache}
        }}
    }}
}}
"""
    )
    return ["-p", str(directory), "-e", "stderr", "-c", str(file)]


# A recipe that many have copied, for a POST that only reads.
CACHE = """
            proxy_cache answers;
            proxy_cache_methods GET HEAD POST;
            proxy_cache_key $request_uri|$request_body;
            proxy_cache_valid any 10m;
            add_header X-Proxy-Cache $upstream_cache_status always;
"""


def write_caching_nginx(directory: Path, port: int, services: Sequence[Running]) -> list[str]:
    """Write the configuration of an nginx that keeps whatever an answer lets it keep."""
    return write_nginx(directory, port, services, CACHE)


def write_haproxy(directory: Path, port: int, services: Sequence[Running]) -> list[str]:
    """Write its configuration: a connection that was refused is tried again, elsewhere at last; readiness is asked.

    What docs/operate.md says of sending a request again holds too.
    """
    servers = "\n".join(
        f"    server service{number} 127.0.0.1:{each.port} check port {each.admin_port}"
        for number, each in enumerate(services)
    )
    file = directory / "haproxy.cfg"
    file.write_text(
        f"""
global
    log stderr format raw local0
    maxconn 200
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    retries 3
    option redispatch
    {SEND_AGAIN["haproxy"]}
frontend callers
    bind 127.0.0.1:{port}
    default_backend services
backend services
    balance roundrobin
    http-reuse safe
    option httpchk GET /readyz
{servers}
"""
    )
    return ["-db", "-f", str(file)]


Writer = Callable[[Path, int, Sequence[Running]], list[str]]
WRITERS: dict[str, Writer] = {
    "nginx": write_nginx,
    "haproxy": write_haproxy,
}


class Proxy:
    """nginx or haproxy over these services; all that it writes is in the directory.

    `write` writes another configuration than the usual one.
    """

    def __init__(self, name: str, directory: Path, services: Sequence[Running], write: Writer | None = None) -> None:
        self.port = find_free_port()
        self.name = name
        self._directory = directory
        directory.mkdir(exist_ok=True)
        arguments = (write or WRITERS[name])(directory, self.port, services)
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(PROGRAMS[name]), *arguments], cwd=directory, stdout=log, stderr=log, process_group=0
            )

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.read_log()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/openapi.json", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def read_log(self) -> str:
        """Return what it says of anything but an answer that is a 200."""
        lines = self.log.read_text("utf-8", "replace").splitlines(keepends=True)
        return "".join(line for line in lines if " 200 " not in line)

    def count_sent_again(self) -> int:
        """Count the requests that were sent again after a service had taken them.

        HAProxy does not tell those from the ones whose connection was refused: it counts both.
        """
        if self.name == "haproxy":
            # Four counts of connections, then the retries, with a plus where another service was tried, then queues.
            retries = re.findall(r" \d+/\d+/\d+/\d+/\+?(\d+) \d+/\d+ ", self.log.read_text("utf-8", "replace"))
            return sum(map(int, retries))
        # How long each attempt took to connect; one that was refused has no time.
        lines = (self._directory / "access.log").read_text("utf-8").splitlines()
        return sum(seconds != "-" for line in lines for seconds in line.split(", ")[:-1])

    def __enter__(self) -> Self:
        try:
            wait_until(self._answers)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End it, with the processes that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
