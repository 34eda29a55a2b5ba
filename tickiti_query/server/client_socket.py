"""A client's socket under time limits: one for the head of a request, one for its body, one to take the answer."""

import contextlib
import errno
import fcntl
import socket
import termios
import time
from enum import Enum
from typing import Any

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders

from tickiti_query.model.errors import PayloadTooLarge, RequestTimeout
from tickiti_query.model.request import LONGEST_BODY, SENT_AT_ONCE_BYTES
from tickiti_query.operations.metrics import CUT

LONGEST_HEAD = 32 * 1024
LONGEST_CHUNKS = 2 * LONGEST_BODY  # a body as it comes over the wire, with what chunks need around it
CLOSING_SECONDS = 2.0  # for the client to close its side, so that it reads its answer and no reset
LONGEST_REST = 16 * 1024 * 1024  # bytes that are thrown away meanwhile
# The most that the kernel takes of a longer one beyond what the client takes. By itself it would take up to 4 MB for
# each connection, which no budget counts.
UNSENT_BYTES = 256 * 1024


class Phase(Enum):
    """The part of a request that a connection is in."""

    IDLE = "idle"
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"


class ClientSocket:
    """Stands in for gevent's socket towards gunicorn, which reads requests from it and writes answers to it.

    `idle` holds the connections that are between two requests, or have not begun their first; the longest idle first.
    """

    head_seconds = 10.0  # also for the first byte of a new connection
    body_seconds = 10.0
    answer_seconds = 30.0

    __slots__ = ("_allowed", "_deadline", "_held", "_idle", "_is_gone", "_is_new", "_phase", "_request", "_socket")
    _phase: Phase

    def __init__(self, client: Any, idle: "dict[ClientSocket, None]") -> None:
        self._socket = client
        self._idle = idle
        self._held = b""
        self._request: Any = None
        self._is_new = True
        self._is_gone = False
        self._allowed = LONGEST_HEAD
        self._become_idle(self.head_seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def recv(self, size: int) -> bytes:
        """Return the next bytes of a request; none where the client is gone, or was idle for too long.

        Raises RequestTimeout where the request is too slow, LimitRequestHeaders and PayloadTooLarge where too long.
        """
        if self._allowed <= 0:
            if self._phase is Phase.HEAD:
                raise LimitRequestHeaders("head")
            self._request.force_close()
            raise PayloadTooLarge
        try:
            self._start_clock()
            data: bytes = self._socket.recv(size)
        except OSError as fault:
            return self._give_up(fault)
        if self._phase is Phase.IDLE:
            self._begin_head(data)
        elif not data and self._phase is Phase.BODY:
            self._is_gone = True
            raise ConnectionResetError(errno.ECONNRESET, "the client ended in the middle of a body")
        self._allowed -= len(data)
        return data

    def sendall(self, data: bytes) -> None:
        """Send a part of an answer. The first part, which is the head, waits for the second or for `flush`."""
        if self._phase is Phase.BODY:
            self._phase, self._deadline = Phase.ANSWER, time.monotonic() + self.answer_seconds
            self._held = data
            return
        held, self._held = self._held, b""
        if held and len(data) > SENT_AT_ONCE_BYTES:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            self._send(held)
            held = b""
        self._send(held + data if held else data)

    def flush(self) -> None:
        """Send what is held back: the head of an answer that has no body. Later parts are sent at once."""
        if self._phase is Phase.BODY:
            self._phase, self._deadline = Phase.ANSWER, time.monotonic() + self.answer_seconds
        if self._held:
            self.sendall(b"")

    def begin_body(self, request: Any) -> None:
        """Start the clock of the body of a request, which is gunicorn's."""
        self._request = request
        self._phase, self._deadline = Phase.BODY, time.monotonic() + self.body_seconds
        self._allowed = LONGEST_CHUNKS

    def await_request(self, keepalive_seconds: float) -> None:
        """Pass over what is left of a request, and wait for the next. Raises StopIteration where that is too much."""
        request, self._request = self._request, None
        try:
            while request.body.read(LONGEST_BODY):
                pass
        except Exception:
            raise StopIteration from None
        self._become_idle(keepalive_seconds)
        rest = request.unreader.take_buffered()
        if rest:
            request.unreader.unread(rest)
            self._begin_head(rest)

    @property
    def has_unread_bytes(self) -> bool:
        """True where the client has sent bytes that were not read yet, such as a request in this very moment."""
        return any(fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, bytes(4)))  # the number of bytes, an int of C

    def hang_up(self) -> None:
        """End an idle connection; whoever reads from it finds that the client is gone."""
        self._idle.pop(self, None)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; one that is not idle in a way that lets the client read its answer."""
        self._idle.pop(self, None)
        if self._is_gone or self._phase is Phase.IDLE:
            self._socket.close()
        else:
            util.close_graceful(self._socket, CLOSING_SECONDS, LONGEST_REST)

    def _become_idle(self, seconds: float) -> None:
        self._phase, self._deadline = Phase.IDLE, time.monotonic() + seconds
        self._idle[self] = None

    def _begin_head(self, data: bytes) -> None:
        """Start the clock of a head, unless the bytes are an empty line: some clients send one behind a body."""
        if data.strip(b"\r\n"):
            self._idle.pop(self, None)
            self._phase, self._deadline = Phase.HEAD, time.monotonic() + self.head_seconds
            self._allowed, self._is_new = LONGEST_HEAD, False

    def _start_clock(self) -> None:
        # A timeout of none would make the socket one that never waits.
        self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))

    def _give_up(self, fault: OSError) -> bytes:
        """Return no bytes for a connection that was idle; raise RequestTimeout, or the fault, for any other."""
        is_late, is_idle = isinstance(fault, TimeoutError), self._phase is Phase.IDLE
        if is_late and (self._is_new or not is_idle):
            CUT.labels("request").inc()
        if is_idle:
            return b""
        if not is_late:
            raise fault
        if self._request is not None:
            self._request.force_close()
        raise RequestTimeout from None

    def _send(self, data: bytes) -> None:
        if self._is_gone:
            raise ConnectionResetError(errno.ECONNRESET, "the client is gone")
        if self._phase is Phase.ANSWER:
            self._start_clock()
        try:
            # Most answers leave at once; `sendall` would send them in pieces.
            sent = self._socket.send(data)
            if sent < len(data):
                self._socket.sendall(memoryview(data)[sent:])
        except TimeoutError:
            self._is_gone = True
            CUT.labels("answer").inc()
            raise ConnectionResetError(errno.ECONNRESET, "the client took its answer too slowly") from None
