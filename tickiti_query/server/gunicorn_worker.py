"""gunicorn's gevent worker with what it lacks: time limits for clients, a bound of connections, a drain at SIGTERM."""

import contextlib
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName, ParseException
from gunicorn.workers.ggevent import GeventWorker

from tickiti_query.http.error_answer import write_error_answer
from tickiti_query.model.errors import Overloaded, QueryError
from tickiti_query.operations.metrics import CUT, REQUESTS, SHED
from tickiti_query.server.client_socket import ClientSocket

POLL_SECONDS = 0.1  # how soon a signal is noticed
REFUSAL_SECONDS = 0.2  # for a client that is refused to read why
REFUSALS = 16  # how many may be refused at once
OPERATIONS_CONNECTIONS = 32
ANSWER_FAULTS = (InvalidResponseHeader, InvalidResponseHeaderName)  # faults of an answer, not of a request

log = logging.getLogger("tickiti_query.request")


@dataclass(slots=True)
class Address:
    """An address that is served, and its connections: at most `most`; the longest idle of the idle ones comes first.

    `is_api` is False for the operations port, where a refusal is no request that anybody counts.
    """

    name: tuple[str, int]
    most: int
    is_api: bool
    open: int = 0
    idle: dict[ClientSocket, None] = field(default_factory=dict)

    def list_idle(self) -> Iterator[ClientSocket]:
        """Yield the connections that may be closed: no byte of a request has come on them, read or unread."""
        return (client for client in self.idle if not client.has_unread_bytes)

    def getsockname(self) -> tuple[str, int]:
        """Return the address as its socket does, which may be closed while a connection is served."""
        return self.name


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """Bounds connections and the time of their clients, and lets no client see a restart.

    The API is the first address that gunicorn binds; `worker_connections` bounds its connections. The second, which is
    the operations port, has a bound of its own, so that probes are answered while the API is full.
    """

    client_socket = ClientSocket  # has the time limits
    linger_seconds = 1.0  # how long a draining worker waits for a request that a kept connection may be sending

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.under_way: set[Any] = set()  # gunicorn's requests

    def run(self) -> None:
        """Serve until a signal ends the worker, then drain."""
        api, *others = self.sockets
        served = [self.serve(api, self.worker_connections, is_api=True)]
        served += [self.serve(other, OPERATIONS_CONNECTIONS, is_api=False) for other in others]
        while self.alive:
            self.notify()
            gevent.sleep(POLL_SECONDS)
        self.drain(served)

    def serve(self, listener: Any, most: int, *, is_api: bool) -> tuple[StreamServer, Address]:
        """Accept connections to an address, each in a greenlet of its own."""
        address = Address(listener.getsockname(), most, is_api)
        server = StreamServer(listener, partial(self.handle_bounded, address), spawn=Pool(most + REFUSALS))
        server.max_accept = 1 if self.cfg.workers > 1 else REFUSALS
        server.start()
        return server, address

    def drain(self, served: list[tuple[StreamServer, Address]]) -> None:
        """Take what waits to be accepted, close the listeners, and return when every request has its answer."""
        for server, _ in served:
            server.stop_accepting()
            while accepted := server.do_read():
                server.do_handle(*accepted)
            server.close()
        for request in self.under_way:
            request.force_close()  # gunicorn decides on keep-alive when a request begins
        began = time.monotonic()
        while any(len(server.pool) for server, _ in served):  # also those that were accepted a moment ago
            seconds = time.monotonic() - began
            if seconds > self.cfg.graceful_timeout:
                self.log.warning("the time for a graceful stop is over")
                return
            if seconds > self.linger_seconds:
                for client in [client for _, address in served for client in address.list_idle()]:
                    client.hang_up()
            self.notify()
            gevent.sleep(POLL_SECONDS)

    def handle_bounded(self, address: Address, client: Any, peer: Any) -> None:
        """Serve a connection; at the bound in the place of the longest idle one, or refuse it."""
        if address.open >= address.most:
            longest_idle = next(address.list_idle(), None)
            if longest_idle is None:
                if address.is_api:
                    SHED.labels("connections").inc()
                    send_error(client, Overloaded())
                util.close_graceful(client, REFUSAL_SECONDS)
                return
            longest_idle.hang_up()
            CUT.labels("idle").inc()
        address.open += 1
        try:
            self.handle(address, self.client_socket(client, address.idle), peer)
        finally:
            address.open -= 1

    def timeout_ctx(self) -> Any:
        """Set no limit here: the client's socket has them."""
        return contextlib.nullcontext()

    def handle_request(self, listener_name: Any, req: Any, sock: ClientSocket, addr: Any) -> Any:
        """Answer a request, with a time limit for its body and one for the answer."""
        sock.begin_body(req)
        self.under_way.add(req)
        try:
            super().handle_request(listener_name, req, sock, addr)
        finally:
            self.under_way.discard(req)
            sock.flush()
        sock.await_request(self.cfg.keepalive)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        """Answer a request that is too slow, or none at all. The log gets the broken rule, never the client's text."""
        if isinstance(exc, ParseException) and not isinstance(exc, ANSWER_FAULTS):
            facts = {"address": addr[0] if addr else "", "rule": type(exc).__name__}
            self.log.warning("refused what is no HTTP request", extra={"facts": facts})
            with contextlib.suppress(OSError):
                util.write_error(client, 400, "Bad Request", facts["rule"])
        elif isinstance(exc, QueryError):
            send_error(client, exc)
        else:
            self.log.error("unforeseen error", exc_info=exc)
            send_error(client, QueryError())


def send_error(client: Any, error: QueryError) -> None:
    """Answer a request that the app has not seen with an error, log it and count it."""
    request_id = secrets.token_hex(16)
    log.info("request", extra={"facts": {"request_id": request_id, "status": error.status, "error": error.code}})
    REQUESTS.labels(str(error.status), error.code, "", "none").inc()
    with contextlib.suppress(OSError):
        util.write_nonblock(client, write_error_answer(error, request_id))
