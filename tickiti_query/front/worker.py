"""A worker of gunicorn in which slow clients cost no thread, and a request that waits too long for one is refused."""

import contextlib
import errno
import logging
import secrets
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.workers.gthread import TConn

from tickiti_query.arrival import note_arrival
from tickiti_query.bulkhead import ROOM, Bulkhead
from tickiti_query.errors import Overloaded, QueryError
from tickiti_query.front.line import Line
from tickiti_query.front.refusing import RefusingWorker

TICK_SECONDS = 0.05
LONGEST_BACKLOG = 64 * 1024 * 1024  # bytes of answers that wait for their clients

log = logging.getLogger("tickiti_query.request")


class Waiting:
    """Connections that wait for the same thing, each for at most `seconds`; in the order in which they came."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadlines: dict[Any, float] = {}

    def __contains__(self, connection: Any) -> bool:
        return connection in self._deadlines

    def __iter__(self) -> Iterator[Any]:
        return iter(self._deadlines)

    def __len__(self) -> int:
        return len(self._deadlines)

    def enter(self, connection: Any) -> float:
        """Begin to wait, if it has not; when that ends, on the monotonic clock."""
        return self._deadlines.setdefault(connection, time.monotonic() + self._seconds)

    def leave(self, connection: Any) -> None:
        """Wait no more, if it does."""
        self._deadlines.pop(connection, None)

    def take(self) -> Any:
        """Who has waited longest, who waits no more."""
        first = next(iter(self._deadlines))
        del self._deadlines[first]
        return first

    def list_late(self, now: float) -> Iterator[Any]:
        """Those whose time is up; each is gone from here."""
        while self._deadlines:
            first = next(iter(self._deadlines))
            if self._deadlines[first] > now:
                return
            yield self.take()


class Worker(RefusingWorker):
    """gunicorn's threads, with the reading of requests and the sending of answers in the loop that has all sockets.

    A connection is in one of five states: its request is gathered, queues for a thread, is in a thread; its answer is
    taken by the client; it is closed. Between requests it is kept alive, which is gunicorn's own.

    A thread that is inside the bulkhead waits more than it works, and another one runs in its stead: hits are answered
    while the replica is slow, and no more threads than were asked for fight for the interpreter.
    """

    request_seconds = 10.0  # from a request's first byte to its last, and for the first of a connection
    queue_seconds = 1.0  # until a thread takes a request up
    answer_seconds = 30.0  # until the client has taken all of its answer
    closing_seconds = 2.0  # for the client to close its side, so that it reads its answer and no reset

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gathering = Waiting(self.request_seconds)
        self.queueing = Waiting(self.queue_seconds)
        self.taking = Waiting(self.answer_seconds)
        self.closing = Waiting(self.closing_seconds)
        self.busy = 0  # threads with a request
        self.bulkhead = Bulkhead(places=0)
        self.tell_shed: Callable[[], None] = lambda: None
        self.tell_cut: Callable[[str], None] = lambda _what: None

    def follow(self, bulkhead: Bulkhead) -> None:
        """Let a thread run for each one that enters the bulkhead."""
        self.bulkhead = bulkhead
        bulkhead.tell_entered = self._wake

    def _wake(self) -> None:
        if self.queueing:
            self.method_queue.defer(self._dispatch)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """As many threads as may run and be inside the bulkhead; they are started as they are needed."""
        return ThreadPoolExecutor(2 * self.cfg.threads + ROOM)

    def accept(self, listener: socket.socket) -> None:
        """Begin to gather the first request of a new connection."""
        try:
            client_socket, address = listener.accept()
        except OSError as fault:
            if fault.errno not in {errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK}:
                raise
            return
        self.nr_conns += 1
        connection = TConn(self.cfg, Line(client_socket), address, listener.getsockname())
        connection.data_ready = True
        self._gather(connection)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Begin to gather the next request of a connection that was kept alive."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._gather(conn)

    def _gather(self, connection: Any, _line: Any = None) -> None:
        line = connection.sock
        is_watched = connection in self.gathering
        line.deadline = self.gathering.enter(connection)
        try:
            is_whole = line.gather() if is_watched else line.has_request() or line.gather()
        except OSError:
            self._drop(connection)
            return
        if is_whole:
            self.gathering.leave(connection)
            if is_watched:
                self.poller.unregister(line)
            self.enqueue_req(connection)
        elif not is_watched:
            self.poller.register(line, selectors.EVENT_READ, partial(self._gather, connection))

    def enqueue_req(self, conn: Any) -> None:
        """Let a thread handle a request that is all there, in its turn."""
        self.queueing.enter(conn)
        self._dispatch()

    def _dispatch(self) -> None:
        while self.queueing and self.busy - self.bulkhead.inside < self.cfg.threads:
            self.busy += 1
            super().enqueue_req(self.queueing.take())

    def handle(self, conn: Any) -> bool:
        """Handle a request in a thread, and send of its answer what the client takes at once."""
        note_arrival(conn.sock.came_at)
        is_kept = bool(super().handle(conn))
        with contextlib.suppress(OSError):
            conn.sock.flush()
        return is_kept

    def finish_request(self, conn: Any, fs: Future[bool]) -> None:
        """Go on with a connection that a thread is done with."""
        self.busy -= 1
        self._dispatch()
        self._send(conn, fs)

    def _shed(self, connection: Any) -> None:
        error, request_id = Overloaded(), secrets.token_hex(16)
        self.tell_shed()
        facts = {"request_id": request_id, "status": error.status, "error": error.code}
        log.info("request", extra={"facts": facts})
        connection.sock.sendall(write_refusal(error, request_id))
        try:
            connection.sock.flush()
        except OSError:
            self._drop(connection)
        else:
            self._close(connection)

    def _send(self, connection: Any, work: Future[bool], _line: Any = None) -> None:
        line = connection.sock
        try:
            is_sent = line.flush()
        except OSError:
            self._drop(connection)
            return
        if is_sent:
            if connection in self.taking:
                self.taking.leave(connection)
                self.poller.unregister(line)
            self._go_on(connection, work)
        elif connection not in self.taking:
            self.taking.enter(connection)
            self.poller.register(line, selectors.EVENT_WRITE, partial(self._send, connection, work))
            self._bound_backlog()

    def _bound_backlog(self) -> None:
        while sum(connection.sock.held_bytes for connection in self.taking) > LONGEST_BACKLOG:
            self._cut(next(iter(self.taking)), "answer")

    def _go_on(self, connection: Any, work: Future[bool]) -> None:
        """Keep a connection for its next request, or close it."""
        if work.exception() or not work.result():
            self._close(connection)
        elif connection.sock.has_begun:
            self._gather(connection)
        else:
            super().finish_request(connection, work)

    def _close(self, connection: Any, _line: Any = None) -> None:
        line = connection.sock
        try:
            if connection not in self.closing:
                line.shutdown(socket.SHUT_WR)
            is_closed = line.discard()
        except OSError:
            is_closed = True
        if is_closed:
            self._drop(connection)
        elif connection not in self.closing:
            self.closing.enter(connection)
            self.poller.register(line, selectors.EVENT_READ, partial(self._close, connection))

    def _drop(self, connection: Any) -> None:
        for waiting in (self.gathering, self.taking, self.closing):
            waiting.leave(connection)
        with contextlib.suppress(KeyError, ValueError):
            self.poller.unregister(connection.sock)
        self.nr_conns -= 1
        connection.close()

    def _cut(self, connection: Any, what: str) -> None:
        self.tell_cut(what)
        self._drop(connection)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Let what can go on go on, and end what has waited too long."""
        super().wait_for_and_dispatch_events(min(timeout, TICK_SECONDS) if self.queueing else timeout)
        now = time.monotonic()
        for connection in self.queueing.list_late(now):
            self._shed(connection)
        for connection in self.gathering.list_late(now):
            self._cut(connection, "request")
        for connection in self.taking.list_late(now):
            self._cut(connection, "answer")
        for connection in self.closing.list_late(now):
            self._drop(connection)


def write_refusal(error: QueryError, request_id: str) -> bytes:
    """A whole answer, for a request that nobody has read."""
    body = orjson.dumps(error.body)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": len(body),
        **error.headers,
        "X-Request-ID": request_id,
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
