"""Where a request ends: byte by byte, in pieces of every size, and where nobody should wait for the rest."""

import pytest

from tickiti_query.front.framing import LONGEST_CHUNKS, LONGEST_HEAD, Framing
from tickiti_query.query.request import LONGEST_BODY

HEAD = b"POST /x HTTP/1.1\r\nHost: h\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = [
    b"GET /x HTTP/1.1\r\n\r\n",
    HEAD + b"\r\n",
    HEAD + b"Content-Length: 0\r\n\r\n",
    HEAD + b"content-length:5 \r\nX: y\r\n\r\n{   }",
    CHUNKED + b"0\r\n\r\n",
    CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
    CHUNKED + b"5;a=b\r\n\n0\r\n\r\r\n000 ;last\r\nTrailer: x\r\n\r\n",
    CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    CHUNKED + b"0\r\n" + b"Trailer: x\r\n" * 300 + b"\r\n",
    HEAD + b"Transfer-Encoding: gzip, Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    CHUNKED + b"00000000000000000002\r\n{}\r\n0\r\n\r\n",
    HEAD + b"Content-Length: 000000000000002\r\n\r\n{}",
]
# These have all that anybody should wait for, though they look as if more were to come.
REFUSED = [
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
    CHUNKED + b"x\r\n",
    HEAD + b"X: y\n",
    CHUNKED + b"2\r\n{}}\r",
    HEAD + b"Content-Length: -1\r\n\r\n",
    HEAD + b"Content-Length: %d\r\n\r\n" % (LONGEST_BODY + 1),
    HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", WHOLE + REFUSED)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
def test_a_request_is_whole_with_its_last_byte(request_bytes: bytes, size: int) -> None:
    framing, received = Framing(), bytearray()
    for start in range(0, len(request_bytes), size):
        assert framing.find_end(received) is None
        received += request_bytes[start : start + size]
    assert framing.find_end(received) == len(request_bytes)
    assert framing.is_cut_short is (request_bytes in REFUSED)


@pytest.mark.parametrize("request_bytes", WHOLE)
def test_what_follows_is_another_request(request_bytes: bytes) -> None:
    assert Framing().find_end(bytearray(request_bytes * 3)) == len(request_bytes)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"G" * (LONGEST_HEAD + 1),
        CHUNKED + b"1\r\nx\r\n" * (LONGEST_CHUNKS // 6 + 1),
        CHUNKED + b"1" * 4097,
    ],
)
def test_nobody_waits_for_the_end_of_what_is_too_long(request_bytes: bytes) -> None:
    assert Framing().find_end(bytearray(request_bytes)) == len(request_bytes)
    assert Framing().find_end(bytearray(request_bytes[:-10])) is None


def test_a_client_that_waits_to_be_told_is_seen() -> None:
    for head, expects in (
        (HEAD + b"Expect: 100-Continue\r\n", True),
        (HEAD + b"X-Expect: 100-continue\r\n", False),
        (b"\r\n" + HEAD + b"Expect: 100-continue\r\n", True),
        (HEAD.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\n", False),
    ):
        framing = Framing()
        assert framing.find_end(bytearray(head + b"Content-Length: 2\r\n\r\n")) is None
        assert framing.expects_word is expects


def test_a_client_whose_body_is_too_long_is_not_told_to_send_it() -> None:
    framing = Framing()
    head = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (LONGEST_BODY + 1)
    assert framing.find_end(bytearray(head)) == len(head)
    assert not framing.expects_word
