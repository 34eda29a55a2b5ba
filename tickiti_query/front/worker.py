"""A worker of gunicorn in which slow clients cost no thread, and a request that waits too long for one is refused."""

import contextlib
import errno
import logging
import re
import secrets
import select
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn

from tickiti_query.cache.arrival import note_arrival
from tickiti_query.front.crew import STUCK_SECONDS, Crew
from tickiti_query.front.line import Line
from tickiti_query.front.loads import LOADS
from tickiti_query.front.refusing import RefusingWorker
from tickiti_query.front.waiting import Waiting
from tickiti_query.model.errors import Overloaded, QueryError

YIELD_SECONDS, YIELDS = 0.0001, 20  # how long, and how many times, another worker is let go first
# While requests queue, the loop lets others gather, instead of taking the interpreter's lock from the thread that runs
# for each of them: for so long a request behind the first, which is less than one takes, and at most so long.
REST_SECONDS, LONGEST_REST_SECONDS = 0.0002, 0.002
EXHAUSTED_SECONDS = 0.01
NOTICE_SECONDS = 0.5  # how often the master is told of, and looked for
OUT_OF_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
REQUEST_ID = re.compile(rb"\nx-request-id[ \t]*:[ \t]*([\w.-]{1,128})[ \t]*\r\n", re.IGNORECASE | re.ASCII)
HEAD = re.compile(rb"\A(HEAD) ")
LONGEST_BACKLOG = 64 * 1024 * 1024  # bytes of answers that wait for their clients

log = logging.getLogger("tickiti_query.request")


class Worker(RefusingWorker):
    """gunicorn's threads, with the reading of requests and the sending of answers in the loop that has all sockets.

    A connection is in one of five states: its request is gathered, queues for a thread, is in a thread; its answer is
    taken by the client; it is closed. Between requests it is kept alive, which is gunicorn's own. A thread that has
    answered keeps the connection alive by itself: each time that it wakes the loop costs a good part of a hit.
    """

    _accepting = False  # gunicorn's; it counts connections before it says so
    request_seconds = 10.0  # from a request's first byte to its last, and for the first of a connection
    queue_seconds = 1.0  # until a thread takes a request up
    answer_seconds = 30.0  # until the client has taken all of its answer
    closing_seconds = 2.0  # for the client to close its side, so that it reads its answer and no reset

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gathering = Waiting(self.request_seconds)
        self.taking = Waiting(self.answer_seconds)
        self.closing = Waiting(self.closing_seconds)
        self.noticed_at = float("-inf")
        self.is_orphan = False
        self.tell_shed: Callable[[], None] = lambda: None
        self.tell_cut: Callable[[str], None] = lambda _what: None

    def init_process(self) -> None:
        """Begin, in the worker's own process."""
        # gunicorn asks for dozens of settings a request, and finds each by two calls; here they stay as they are.
        found = {name: setting.get() for name, setting in self.cfg.settings.items()}
        self.cfg.__dict__.update(
            {name: value for name, value in found.items() if not hasattr(type(self.cfg), name)}
        )
        super().init_process()

    def get_thread_pool(self) -> Crew:
        """The threads."""
        return Crew(self._answer, self.cfg.threads, self.queue_seconds)

    @property
    def nr_conns(self) -> int:
        """How many connections there are: gunicorn's own count, which the other workers can read."""
        return self._connections

    @nr_conns.setter
    def nr_conns(self, connections: int) -> None:
        self._connections = connections
        if self._accepting:
            LOADS.note(self.age, connections)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Begin or cease to accept connections; only who does is one to leave them to."""
        super().set_accept_enabled(enabled)
        if enabled:
            LOADS.note(self.age, self.nr_conns)
        else:
            self.forget_load()

    def forget_load(self) -> None:
        """Tell the other workers that this one takes nothing; of one that has died, the master does."""
        LOADS.forget(self.age)

    def _leave_to_others(self, listener: socket.socket) -> None:
        """Let a worker that has fewer come for a new connection, which may stay for hours."""
        poller = select.poll()
        poller.register(listener, select.POLLIN)
        for _ in range(YIELDS):
            if self.nr_conns <= LOADS.find_least() or not poller.poll(0):
                return
            time.sleep(YIELD_SECONDS)

    def accept(self, listener: socket.socket) -> None:
        """Begin to gather the first request of a new connection."""
        self._leave_to_others(listener)
        try:
            client_socket, address = listener.accept()
        except OSError as fault:
            if fault.errno in OUT_OF_ROOM:
                # Or the loop would come back at once. Who is there is served on.
                time.sleep(EXHAUSTED_SECONDS)
            elif fault.errno not in {errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK}:
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
        self.gathering.enter(connection)
        try:
            is_whole = line.gather() if is_watched else line.has_request() or line.gather()
        except OSError:
            self._drop(connection)
            return
        if is_whole:
            self.gathering.leave(connection)
            if is_watched:
                self.poller.unregister(line)
            if line.has_long_head:
                self._refuse(connection)
            else:
                self.enqueue_req(connection)
        elif not is_watched:
            self.poller.register(line, selectors.EVENT_READ, partial(self._gather, connection))

    def enqueue_req(self, conn: Any) -> None:
        """Let a thread handle a request that is all there, in its turn."""
        self.tpool.enter(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request; the connection ends with one whose end is not known."""
        if conn.sock.is_cut_short:
            req.force_close()
        return super().handle_request(req, conn)

    def _answer(self, connection: Any) -> None:
        """Handle a request, and send of its answer what the client takes at once."""
        line = connection.sock
        note_arrival(line.came_at)
        is_kept = bool(self.handle(connection))
        if connection.parser is not None:
            line.put_back(connection.parser.unreader.take_buffered())
        is_sent = False
        with contextlib.suppress(OSError):  # the loop will meet it again
            is_sent = line.flush()
        if is_kept and is_sent and not line.has_begun:
            self._keep(connection)
        else:
            self.method_queue.defer(self._send, connection, is_kept)

    def _keep(self, connection: Any) -> None:
        """Keep a connection for its next request. From the loop or from a thread."""
        connection.set_timeout()
        self.keepalived_conns.append(connection)
        # Asked after it was appended: a worker that stops shortens the time of all that are there.
        if not self.alive:
            connection.timeout = min(connection.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        with contextlib.suppress(OSError, ValueError):  # closed already: the worker has stopped
            readable = partial(self.on_client_socket_readable, connection)
            self.poller.register(connection.sock, selectors.EVENT_READ, readable)

    def _cap_keepalive(self, deadline: float) -> None:
        # gunicorn's own walks through what threads append to meanwhile.
        for connection in self.keepalived_conns.copy():
            connection.timeout = min(connection.timeout, deadline)

    def _refuse(self, connection: Any) -> None:
        self.handle_error(None, connection.sock, connection.client, LimitRequestHeaders("head"))
        self._send_last(connection)

    def _shed(self, connection: Any) -> None:
        line = connection.sock
        error, request_id = Overloaded(), line.find_header(REQUEST_ID) or secrets.token_hex(16)
        self.tell_shed()
        facts = {"request_id": request_id, "status": error.status, "error": error.code}
        log.info("request", extra={"facts": facts})
        line.sendall(write_refusal(error, request_id, has_body=not line.find_header(HEAD)))
        self._send_last(connection)

    def _send_last(self, connection: Any) -> None:
        """Send what the client takes at once, and let it go."""
        try:
            connection.sock.flush()
        except OSError:
            self._drop(connection)
        else:
            self._close(connection)

    def _send(self, connection: Any, is_kept: bool, _line: Any = None) -> None:
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
            self._go_on(connection, is_kept)
        elif connection not in self.taking:
            self.taking.enter(connection)
            self.poller.register(line, selectors.EVENT_WRITE, partial(self._send, connection, is_kept))
            self._bound_backlog()

    def _bound_backlog(self) -> None:
        while sum(connection.sock.held_bytes for connection in self.taking) > LONGEST_BACKLOG:
            self._cut(next(iter(self.taking)), "answer")

    def _go_on(self, connection: Any, is_kept: bool) -> None:
        """Keep a connection for its next request, or close it."""
        if not is_kept:
            self._close(connection)
        elif connection.sock.has_begun:
            self._gather(connection)
        else:
            self._keep(connection)

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
        if connection.sock.is_dropped:  # by another event of the same turn
            return
        connection.sock.is_dropped = True
        for waiting in (self.gathering, self.taking, self.closing):
            waiting.leave(connection)
        with contextlib.suppress(KeyError, ValueError):
            self.poller.unregister(connection.sock)
        self.nr_conns -= 1
        connection.close()

    def _cut(self, connection: Any, what: str) -> None:
        self.tell_cut(what)
        self._drop(connection)

    def notify(self) -> None:
        """Tell the master that the loop turns. Once in a while is enough: it turns several times for each request."""
        now = time.monotonic()
        if now - self.noticed_at >= NOTICE_SECONDS:
            self.noticed_at = now
            self.is_orphan = not super().is_parent_alive()
            super().notify()

    def is_parent_alive(self) -> bool:
        """Whether the master was there when it was last looked for."""
        return not self.is_orphan

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Let what can go on go on, and end what has waited too long."""
        behind = len(self.tpool) - 1
        if behind > 0 and self.tpool.runs():
            time.sleep(min(behind * REST_SECONDS, LONGEST_REST_SECONDS))
        super().wait_for_and_dispatch_events(min(timeout, STUCK_SECONDS) if self.tpool else timeout)
        now = time.monotonic()
        for connection in self.tpool.list_late(now) if self.tpool else ():
            self._shed(connection)
        for connection in self.gathering.list_late(now):
            self._cut(connection, "request")
        for connection in self.taking.list_late(now):
            self._cut(connection, "answer")
        for connection in self.closing.list_late(now):
            self._drop(connection)


def write_refusal(error: QueryError, request_id: str, *, has_body: bool) -> bytes:
    """A whole answer, for a request that nobody has read; one to HEAD has no body."""
    body = msgspec.json.encode(error.body)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": len(body),
        **error.headers,
        "X-Request-ID": request_id,
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body * has_body
