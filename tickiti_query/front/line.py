"""A client's socket as a thread sees it: the request is all there, and the answer leaves in one piece."""

import re
import socket
import time
from collections import deque

from tickiti_query.front.framing import Framing

PIECE = 64 * 1024
PIECES_AT_ONCE = 16
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Line:
    """Stands in for a socket that never blocks: reads come from what was gathered, writes are held until `flush`.

    Every method of the loop's raises OSError where the client is gone.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._received = bytearray()
        self._framing = Framing()
        self._rest = 0  # what of the request the parser has not taken yet
        self._held: deque[memoryview] = deque()
        self.is_dropped = False  # the worker's own note
        self.came_at = 0.0  # when the request was there as a whole, on the monotonic clock

    # What the worker's loop does.

    def gather(self) -> bool:
        """Take what has come; whether a whole request is there now."""
        try:
            piece = self._socket.recv(PIECE)
        except BlockingIOError:
            return False
        if not piece:
            raise ConnectionResetError
        self._received += piece
        return self.has_request()

    def has_request(self) -> bool:
        """Whether a whole request is there already."""
        if not self._received:
            return False
        self._rest = self._framing.find_end(self._received) or 0
        if not self._rest and self._framing.expects_word:
            self._framing.expects_word = False
            self._socket.send(CONTINUE)
        self.came_at = time.monotonic()
        return self._rest > 0

    @property
    def is_cut_short(self) -> bool:
        """Whether more of the request may come, which nobody waits for."""
        return self._framing.is_cut_short

    @property
    def has_long_head(self) -> bool:
        """Whether the request is longer before its body than anybody reads."""
        return self._framing.has_long_head

    def find_header(self, pattern: re.Pattern[bytes]) -> str:
        """What the pattern's group finds in a request that nobody has read; empty where it finds nothing."""
        found = pattern.search(self._received)
        return found[1].decode("latin-1") if found else ""

    @property
    def has_begun(self) -> bool:
        """Whether a part of a request is there. An empty line behind a body is none: some clients send one."""
        return len(self._received) > 2 or bool(self._received.strip(b"\r\n"))

    @property
    def held_bytes(self) -> int:
        """What of the answer has not left yet."""
        return sum(map(len, self._held))

    def put_back(self, data: bytes) -> None:
        """Take back what was read and is of the next request."""
        self._received[:0] = data

    def flush(self) -> bool:
        """Send what the client takes without waiting; whether all has left."""
        while self._held:
            try:
                sent = self._socket.sendmsg(list(self._held)[:PIECES_AT_ONCE])
            except BlockingIOError:
                return False
            while self._held and sent >= len(self._held[0]):
                sent -= len(self._held.popleft())
            if sent:
                self._held[0] = self._held[0][sent:]
        return True

    def discard(self) -> bool:
        """Throw away what has come; whether the client has closed its side."""
        try:
            return not self._socket.recv(PIECE)
        except BlockingIOError:
            return False

    # What gunicorn does to a socket.

    def recv(self, size: int) -> bytes:
        """Bytes of the request; none behind the last that are there: what it has is here as a whole."""
        if not self._received:
            return b""
        size = min(size, self._rest or size)
        piece = bytes(self._received[:size])
        del self._received[:size]
        self._rest = max(0, self._rest - size)
        if not self._rest and not self.is_cut_short:
            self._framing = Framing()
        return piece

    def sendall(self, data: bytes) -> None:
        """Hold a part of the answer."""
        if data:
            self._held.append(memoryview(data))

    def send(self, data: bytes) -> int:
        """gunicorn's word that the body may come: it is here."""
        return len(data)

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def settimeout(self, seconds: float | None) -> None:
        """It never waits for long."""

    def gettimeout(self) -> float:
        """As of a socket that does not block."""
        return 0.0

    def fileno(self) -> int:
        """The socket's descriptor, for the poller."""
        return self._socket.fileno()

    def shutdown(self, how: int) -> None:
        """Close one side."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close both."""
        self._socket.close()
