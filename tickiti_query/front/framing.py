"""Where a request ends, as far as that can be told before it is parsed."""

import re

LONGEST_HEAD = 32 * 1024
LONGEST_BODY = 128 * 1024  # as it comes over the wire: 64 KiB, and what chunks need around them
LONGEST_TRAILER = 1024
HEAD_END = b"\r\n\r\n"
FRAMING = re.compile(rb"\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
LAST_CHUNK = re.compile(rb"\n0+[ \t]*(?:;[^\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n")


class Framing:
    """Watches one request come in.

    A guess that decides only when a thread reads the request, never what is read as one: the parser does that. What
    is too long to be waited for, or framed in two ways, counts as whole, for the parser to refuse.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._head = 0
        self._body: int | None = 0  # None: in chunks
        self.expects_word = False  # the client waits to be told that it may send the body

    def find_end(self, received: bytearray) -> int | None:
        """How many bytes the request has; None while some are missing. `received` has grown since the last call."""
        if not self._head and not self._read_head(received):
            return len(received) if len(received) > LONGEST_HEAD else None
        if self._body is not None:
            end = self._head + self._body
            return end if len(received) >= end else None
        last = LAST_CHUNK.search(received, max(self._head - 1, self._seen - LONGEST_TRAILER))
        self._seen = len(received)
        if last:
            return last.end()
        return len(received) if len(received) - self._head > LONGEST_BODY else None

    def _read_head(self, received: bytearray) -> bool:
        end = received.find(HEAD_END, max(0, self._seen - len(HEAD_END)))
        self._seen = len(received)
        if end < 0:
            return False
        self._head = end + len(HEAD_END)
        framing = [(name.lower(), value.strip().lower()) for name, value in FRAMING.findall(received, 0, end)]
        self.expects_word = (b"expect", b"100-continue") in framing
        bodies = [part for part in framing if part[0] != b"expect"]
        if bodies == [(b"transfer-encoding", b"chunked")]:
            self._body = None
        elif len(bodies) == 1 and is_worth_waiting(*bodies[0]):
            self._body = int(bodies[0][1])
        return True


def is_worth_waiting(name: bytes, value: bytes) -> bool:
    """Whether a header announces a body that the service may take."""
    return name == b"content-length" and value.isdigit() and len(value) < 10 and int(value) <= LONGEST_BODY
