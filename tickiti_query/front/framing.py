"""Where a request ends, as far as that can be told before it is parsed."""

import re

from tickiti_query.query.request import LONGEST_BODY

LONGEST_HEAD = 32 * 1024
LONGEST_CHUNKS = 2 * LONGEST_BODY  # a body as it comes over the wire, and what chunks need around it
LONGEST_SIZE_LINE = 4096  # of a chunk, with its extensions
HEAD_END = b"\r\n\r\n"
FRAMING = re.compile(rb"\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
SIZE_LINE = re.compile(rb"0*([0-9a-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n", re.IGNORECASE)


class Framing:
    """Watches one request come in; every byte of it is looked at a bounded number of times.

    It decides when a thread reads the request, never what is read as one: the parser does that. What is too long to be
    waited for, or framed in two ways, counts as whole, for the parser or the app to refuse. It `is_cut_short`: where
    the next request begins is not known, and the connection ends with it.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._head = 0
        self._body: int | None = 0  # None: in chunks
        self._chunk = 0  # where the next chunk begins
        self._wanted = 0  # as many bytes as there must be before that is known
        self._trailer = 0  # up to where the end of the trailer was looked for
        self.is_cut_short = False
        self.has_long_head = False  # it is for nobody to read
        self.expects_word = False  # the client waits to be told that it may send the body

    def find_end(self, received: bytearray) -> int | None:
        """How many bytes the request has; None while some are missing. `received` has grown since the last call."""
        if not self._head and not self._read_head(received):
            return None
        if self.is_cut_short:
            return len(received)
        if self._body is not None:
            end = self._head + self._body
            return end if len(received) >= end else None
        last = self._walk_chunks(received)
        if last is None and len(received) - self._head > LONGEST_CHUNKS:
            return self._cut(received)
        return last

    def _cut(self, received: bytearray) -> int:
        self.is_cut_short = True
        return len(received)

    def _walk_chunks(self, received: bytearray) -> int | None:
        """The end of the last chunk and its trailer; None while that is missing. The parser says what is no chunk."""
        while len(received) >= self._wanted:
            line_end = received.find(b"\r\n", self._chunk)
            if line_end < 0:
                return self._cut(received) if len(received) - self._chunk > LONGEST_SIZE_LINE else None
            line = SIZE_LINE.fullmatch(received, self._chunk, line_end + 2)
            if line is None:
                return self._cut(received)
            size = int(line[1], 16)
            if not size:
                end = received.find(HEAD_END, max(line_end, self._trailer))
                self._trailer = len(received) - len(HEAD_END)
                return end + len(HEAD_END) if end >= 0 else None
            following = line_end + 2 + size + 2
            if following > len(received):
                self._wanted = following
            elif received.startswith(b"\r\n", following - 2):
                self._chunk = following
            else:
                return self._cut(received)
        return None

    def _read_head(self, received: bytearray) -> bool:
        """Whether all of the head is there, or as much as anybody waits for."""
        end = received.find(HEAD_END, max(0, self._seen - len(HEAD_END)))
        is_broken = end < 0 and BARE_LINE_FEED.search(received, self._seen) is not None
        self._seen = len(received)
        if is_broken:  # the head will never end in a way that the parser takes
            self.is_cut_short = True
            return True
        if (len(received) if end < 0 else end) > LONGEST_HEAD:
            self.has_long_head = self.is_cut_short = True
            return True
        if end < 0:
            return False
        self._head = self._chunk = end + len(HEAD_END)
        framing: dict[bytes, list[bytes]] = {b"content-length": [], b"transfer-encoding": [], b"expect": []}
        for name, value in FRAMING.findall(received, 0, end):
            framing[name.lower()].append(value.strip().lower())
        lengths, codings = framing[b"content-length"], framing[b"transfer-encoding"]
        if codings and not lengths and is_chunked(b",".join(codings)):
            self._body = None
        elif len(lengths) == 1 and not codings and is_worth_waiting(lengths[0]):
            self._body = int(lengths[0][-10:])
        else:
            self.is_cut_short = bool(lengths or codings)
        # The parser passes over one empty line before a request.
        is_current = received[: received.find(b"\r\n", len(b"\r\n"))].endswith(b"HTTP/1.1")
        self.expects_word = is_current and b"100-continue" in framing[b"expect"] and not self.is_cut_short
        return True


def is_chunked(codings: bytes) -> bool:
    """Whether a body of these codings ends with its last chunk."""
    *others, last = [coding.strip() for coding in codings.split(b",")]
    return last == b"chunked" and b"chunked" not in others


def is_worth_waiting(length: bytes) -> bool:
    """Whether a body of this length is one that the service may take."""
    return length.isdigit() and len(length.lstrip(b"0")) < 10 and int(length[-10:]) <= LONGEST_BODY
