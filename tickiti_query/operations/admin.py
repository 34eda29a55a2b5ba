"""The operations port: its own small server in each worker, which answers when all of the API's threads are busy."""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import msgspec

log = logging.getLogger("tickiti_query.admin")

Answer = tuple[int, str, bytes]  # status, content type, body
REASONS = {
    200: "200 OK",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}


def make_admin_app(
    check: Callable[[], Mapping[str, str]], render_metrics: Callable[[], bytes]
) -> Callable[..., Iterable[bytes]]:
    """The WSGI app of the operations port: GET /livez, /readyz and /metrics."""

    def live() -> Answer:
        return tell(200, {"ok": True})

    def ready() -> Answer:
        checks = check()
        ok = all(word == "ok" for word in checks.values())
        return tell(200 if ok else 503, {"ok": ok, "checks": checks})

    def metrics() -> Answer:
        return 200, "text/plain; version=0.0.4; charset=utf-8", render_metrics()

    routes = {"/livez": live, "/readyz": ready, "/metrics": metrics}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        route = routes.get(
            environ.get("PATH_INFO", ""), lambda: tell(404, {"ok": False, "paths": sorted(routes)})
        )
        allowed = environ["REQUEST_METHOD"] in {"GET", "HEAD"}
        try:
            status, kind, body = route() if allowed else tell(405, {"ok": False, "methods": ["GET", "HEAD"]})
        except Exception:
            log.exception("unforeseen error")
            status, kind, body = tell(500, {"ok": False})
        headers = [("Content-Type", kind), ("Cache-Control", "no-store"), ("Content-Length", str(len(body)))]
        start_response(REASONS[status], headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return app


def tell(status: int, facts: Mapping[str, Any]) -> Answer:
    """A small answer in JSON."""
    return status, "application/json", msgspec.json.encode(facts)


class Handler(WSGIRequestHandler):
    """One request, without a line on standard error and without waiting for ever."""

    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        """Probes are not news."""


class AdminServer(ThreadingMixIn, WSGIServer):
    """A threaded server that shares its port with those of the other workers.

    It has a thread for each connection, and for so many at a time; whoever comes then is let go without an answer.
    """

    daemon_threads = True
    allow_reuse_port = True
    most_connections = 32

    def __init__(
        self, host: str, port: int, app: Callable[..., Iterable[bytes]], refresh: Callable[[], None]
    ) -> None:
        self._refresh = refresh
        self._room = threading.BoundedSemaphore(self.most_connections)
        self.address_family = choose_family(host)
        super().__init__((host, port), Handler)
        self.set_app(app)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, if there is room."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread's work."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who has connected and says nothing, or goes away in the middle, is no news."""

    def service_actions(self) -> None:
        """Bring up to date what only this worker knows of itself; `serve_forever` calls this twice a second."""
        self._refresh()

    def server_bind(self) -> None:
        """Bind, without the name lookup that the base class does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


def find_bind_fault(bind: str) -> str | None:
    """Why nobody can listen on `host:port`, in the system's words; None where one can."""
    host, port = split_bind(bind)
    with socket.socket(choose_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            return fault.strerror or str(fault)
    return None


def split_bind(bind: str) -> tuple[str, int]:
    """The host and the port in `host:port`."""
    parts = urlsplit(f"//{bind}")
    return parts.hostname or "", parts.port or 0


def choose_family(host: str) -> socket.AddressFamily:
    """IPv6 for an address of it, else IPv4."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def start_admin(
    bind: str, app: Callable[..., Iterable[bytes]], refresh: Callable[[], None] = lambda: None
) -> AdminServer:
    """Serve `app` on `host:port` in a thread of its own, and call `refresh` there twice a second.

    OSError where the port is taken.
    """
    server = AdminServer(*split_bind(bind), app, refresh)
    threading.Thread(target=server.serve_forever, name="admin", daemon=True).start()
    return server
