"""Unsound HTTP requests, sent byte by byte to gunicorn; and a stranger's tool reads our own OpenAPI to it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.callers import SOON_SECONDS
from tests.support.hasty import HASTY, REQUEST_SECONDS
from tests.support.hostile import check_shape
from tests.support.leak_listener import find_leaks
from tests.support.running import Running, wait_until
from tests.support.shop import PATH, PRIYA

# `TICKITI_SCHEMATHESIS_CASES=2000 ./script/test tests/integration/test_wire.py` is the longer run.
CASES = os.environ.get("TICKITI_SCHEMATHESIS_CASES", "40")
SECONDS = 60.0
TOKEN = b"Authorization: Bearer " + PRIYA.encode() + b"\r\n"
LINE = b"POST " + PATH.encode() + b" HTTP/1.1\r\n"
BODY = b'{"row_limit": 1}'
LENGTH = b"Content-Length: 16\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
OFFER = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
SOUND = b"10\r\n" + BODY + b"\r\n0\r\n\r\n"
# It follows each request on the same connection: where requests are told apart wrongly, it is answered, or is not.
NEXT = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def build(
    extra: bytes = LENGTH,
    body: bytes = BODY,
    *,
    line: bytes = LINE,
    host: bytes = b"Host: x\r\n",
    token: bytes = TOKEN,
) -> bytes:
    return line + host + token + b"Content-Type: application/json\r\n" + extra + b"\r\n" + body


@pytest.fixture(scope="module")
def server(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    url = shop_pair.standby.url_for(READER)
    started = Running(url, tmp_path_factory.mktemp("wire") / "log", TICKITI_WORKERS="1")
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def talk(server: Running, sent: bytes, *, ends: bool = False) -> list[tuple[int, dict[str, str], bytes]]:
    """Every answer on one connection until the server closes it: status, headers, body.

    `ends`: nothing more will be sent, and the server is told so.
    """
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as link:
        link.sendall(sent)
        if ends:
            link.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: receive(link), b""))
    assert list(find_leaks(received.decode("latin-1"))) == []
    return list(split_answers(received))


def receive(link: socket.socket) -> bytes:
    try:
        return link.recv(65536)
    except ConnectionResetError:  # it closed before it had read everything
        return b""


def split_answers(received: bytes) -> Iterator[tuple[int, dict[str, str], bytes]]:
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(each.split(": ", 1) for each in lines)
        length = int(headers.get("Content-Length", "0"))
        yield int(line.split(" ")[1]), headers, rest[:length]
        received = rest[length:]


REFUSED: dict[str, bytes] = {
    # whose length may be read in two ways
    "both lengths": build(LENGTH + CHUNKED, SOUND),
    "both lengths, the other way round": build(CHUNKED + LENGTH, SOUND),
    "two lengths": build(LENGTH + b"Content-Length: 17\r\n"),
    "a length twice": build(LENGTH + LENGTH),
    "lengths in a list": build(b"Content-Length: 16, 16\r\n"),
    "a length with a sign": build(b"Content-Length: +16\r\n"),
    "a negative length": build(b"Content-Length: -1\r\n"),
    "a length in hex": build(b"Content-Length: 0x10\r\n"),
    "a length with a digit that int() knows not": build(b"Content-Length: 1\xb2\r\n"),
    "an underscored length": build(b"Content-Length: 1_6\r\n"),
    "an empty length": build(b"Content-Length: \r\n"),
    "a length of 5,000 digits": build(b"Content-Length: " + b"1" * 5000 + b"\r\n"),
    "chunked twice": build(b"Transfer-Encoding: chunked, chunked\r\n", SOUND),
    "chunked in two lines": build(CHUNKED + CHUNKED, SOUND),
    "chunked, then more": build(b"Transfer-Encoding: chunked, gzip\r\n", SOUND),
    "no chunks": build(b"Transfer-Encoding: gzip\r\n", SOUND),
    "identity": build(b"Transfer-Encoding: identity\r\n", SOUND),
    "a coding nobody knows": build(b"Transfer-Encoding: xchunked\r\n", SOUND),
    "chunked with a parameter": build(b"Transfer-Encoding: chunked;q=1\r\n", SOUND),
    "chunked in quotes": build(b'Transfer-Encoding: "chunked"\r\n', SOUND),
    "chunked and a vertical tab": build(b"Transfer-Encoding: \x0bchunked\r\n", SOUND),
    "an empty coding": build(b"Transfer-Encoding: \r\n", SOUND),
    "chunked in HTTP/1.0": build(CHUNKED, SOUND, line=LINE.replace(b"1.1", b"1.0")),
    # headers
    "a folded header": build(b"X: a\r\n b\r\n" + LENGTH),
    "a folded length": build(b"Content-Length:\r\n 16\r\n"),
    "a header that begins with a space": build(b" Content-Length: 16\r\n"),
    "a space before the colon": build(b"Content-Length : 16\r\n"),
    "a bare line feed": build(b"X: a\nContent-Length: 16\r\n"),
    "line feeds alone": build().replace(b"\r\n", b"\n") + b"\r\n\r\n",
    "a bare carriage return": build(b"X: a\rY: b\r\n" + LENGTH),
    "a NUL": build(b"X: a\0b\r\n" + LENGTH),
    "a name that is no token": build(b"X\xff: 1\r\n" + LENGTH),
    "no name": build(b": 1\r\n" + LENGTH),
    "no colon": build(b"Authorization Bearer " + PRIYA.encode() + b"\r\n" + LENGTH, token=b""),
    "a token with a line break in it": build(token=TOKEN.replace(b"Bearer ", b"Bearer\n")),
    "no host": build(host=b""),
    "two hosts": build(host=b"Host: x\r\nHost: y\r\n"),
    "two media types": build(b"Content-Type: text/plain\r\n" + LENGTH),
    "a header that is too long": build(b"X: " + b"a" * 9000 + b"\r\n" + LENGTH),
    "too many headers": build(b"".join(b"X%d: 1\r\n" % number for number in range(200)) + LENGTH),
    "an expectation nobody knows": build(b"Expect: wonders\r\n" + LENGTH),
    # the first line
    "a method in small letters": build(line=LINE.replace(b"POST", b"post")),
    "a method with a NUL": build(line=LINE.replace(b"POST", b"POST\0")),
    "two spaces": build(line=LINE.replace(b" HTTP", b"  HTTP")),
    "a path that is none": build(line=b"POST * HTTP/1.1\r\n"),
    "a path with a raw byte": build(line=LINE.replace(b"query", b"query\xff")),
    "a path that is too long": build(line=b"POST /" + b"a" * 9000 + b" HTTP/1.1\r\n"),
    "a token in a line that is none": build(line=b"POST " + PRIYA.encode() + b"\r\n"),
    "a version nobody has": build(line=LINE.replace(b"1.1", b"3.0")),
    "no version": build(line=LINE.replace(b" HTTP/1.1", b"")),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_a_400_and_the_end_of_the_connection(server: Running, name: str) -> None:
    [(status, headers, _)] = talk(server, REFUSED[name] + NEXT, ends=True)
    assert (status, headers["Content-Type"], headers["Connection"]) == (400, "text/html", "close")


BROKEN: dict[str, bytes] = {
    "a size that is none": b"zz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size in C's hex": b"0x10\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a negative size": b"-10\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size and a space": b"10 \r\n" + BODY + b"\r\n0\r\n\r\n",
    "no size": b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk longer than its size": b"10\r\n" + BODY + b"XX\r\n0\r\n\r\n",
    "an empty extension": b"10;\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an extension with a bare carriage return": b"10;a=\rb\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a trailer that is none": b"10\r\n" + BODY + b"\r\n0\r\nX\r\n\r\n",
    "a token in the trailer": b"10\r\n" + BODY + b"\r\n0\r\n" + TOKEN + b"\r\n",
    "a length in the trailer": b"10\r\n" + BODY + b"\r\n0\r\n" + LENGTH + b"\r\n",
}


@pytest.mark.parametrize(("token", "expected"), [(TOKEN, 400), (b"", 401)])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_chunks_are_a_400_to_who_is_let_in_and_the_end_of_the_connection(
    server: Running, name: str, token: bytes, expected: int
) -> None:
    sent = build(CHUNKED, BROKEN[name], token=token) + NEXT
    [(status, headers, body)] = talk(server, sent, ends=True)
    check_shape(status, headers, body)
    assert status == expected


@pytest.mark.parametrize(
    "sent",
    [
        build(b"Content-Length: 400\r\n"),
        build(b"Content-Length: 40000\r\n"),
        build(CHUNKED, b"10\r\n" + BODY[:5]),
        build(CHUNKED, b"10\r\n" + BODY + b"\r\n"),
        build(CHUNKED, b"ffffffffffffffff\r\n" + BODY),
        build(CHUNKED, b"10\n" + BODY + b"\n0\n\n"),
    ],
)
def test_a_request_that_does_not_come_to_its_end_is_not_answered(server: Running, sent: bytes) -> None:
    for _ in "12":
        assert talk(server, sent, ends=True) == []


SOUND_REQUESTS: dict[str, tuple[bytes, int]] = {
    "plain": (build(), 200),
    "in chunks": (build(CHUNKED, SOUND), 200),
    "in chunks with an extension": (build(CHUNKED, b"10;a=b" + SOUND[2:]), 200),
    "in chunks with a trailer": (build(CHUNKED, SOUND[:-2] + b"X: y\r\n\r\n"), 200),
    "with nought before its length": (build(b"Content-Length: 00016\r\n"), 200),
    "with another's length, underscored": (build(b"Content_Length: 5\r\n" + LENGTH), 200),
    "with a path of its own": (build(b"SCRIPT_NAME: /api\r\nScript-Name: /api\r\n" + LENGTH), 200),
    "that would be HTTP/2": (
        build(b"Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AA\r\n" + LENGTH),
        200,
    ),
    "that would be a web socket": (build(OFFER + LENGTH), 200),
    "that would be a web socket, without a token": (build(OFFER + LENGTH, token=b""), 401),
    "for another host": (build(host=b"Host: [[ \xff/..@\r\n"), 200),
    "with two tokens": (build(TOKEN + LENGTH), 401),
    "without a token": (build(token=b""), 401),
    "with a token in a header's name": (build(PRIYA.encode() + b": 1\r\n" + LENGTH), 200),
    "with a request for its body": (build(body=(LAST * 2)[:16]), 400),
    "that nobody reads": (build(line=b"POST /nowhere HTTP/1.1\r\n"), 404),
    "with two slashes": (build(line=b"POST /api//v1/tickets/query HTTP/1.1\r\n"), 404),
    "up the tree": (build(line=b"POST /docs/assets/..%2f..%2fwsgi.py HTTP/1.1\r\n"), 405),
    "to trace": (build(line=LINE.replace(b"POST", b"TRACE")), 405),
}


@pytest.mark.parametrize("name", SOUND_REQUESTS)
def test_what_is_sound_is_one_answer_and_the_next_request_another(server: Running, name: str) -> None:
    sent, expected = SOUND_REQUESTS[name]
    first, second = talk(server, sent + LAST)
    check_shape(*first)
    assert (first[0], second[0]) == (expected, 200)


def test_a_chunk_that_looks_like_the_last_one_takes_nothing_from_the_next_request(server: Running) -> None:
    """The worker thinks the first request shorter than it is, and the parser reads into the second."""
    body = b'{"x":\n0\r\n\r\n}'
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answers = talk(server, build(CHUNKED, chunks) + NEXT + LAST)
    assert [status for status, _, _ in answers] == [200, 200, 200]


def test_what_follows_chunks_is_found_however_long_it_is(server: Running) -> None:
    long_one = NEXT[:-2] + b"X: " + b"a" * 1500 + b"\r\n\r\n"
    trailers = SOUND[:-2] + b"X: y\r\n" * 300 + b"\r\n"
    answers = talk(server, build(CHUNKED, SOUND) + long_one + build(CHUNKED, trailers) + LAST)
    assert [status for status, _, _ in answers][:2] == [200, 200]
    assert answers[2][0] in {200, 400}


@pytest.fixture
def hasty(shop_pair: Pair, tmp_path: Path) -> Iterator[Running]:
    """A worker with little patience with clients."""
    started = Running(shop_pair.standby.url_for(READER), tmp_path / "log", *HASTY, TICKITI_WORKERS="1")
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


def test_an_empty_line_behind_a_body_is_not_the_next_request_yet(hasty: Running) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), SECONDS) as link:
        link.sendall(build() + b"\r\n")
        received = receive(link)
        time.sleep(REQUEST_SECONDS * 1.5)  # a client that sends nothing for longer than a request may take to come
        link.sendall(LAST)
        received += b"".join(iter(lambda: receive(link), b""))
    assert [status for status, _, _ in split_answers(received)] == [200, 200]


DRIPPING: dict[str, bytes] = {
    "chunks that look as if they had ended": build(CHUNKED, b"fff\r\n\n0\r\n\r\n"),
    "a body that is too long": build(b"Content-Length: 200000\r\n", b""),
    "a body that is too long, for nobody": build(b"Content-Length: 200000\r\n", b"", line=b"POST /x HTTP/1.1\r\n"),
    "a head that is too long": build(b"".join(b"X%d: %s\r\n" % (i, b"a" * 8000) for i in range(5)), b"")[:-2],
    "another coding, in chunks": build(b"Transfer-Encoding: gzip, chunked\r\n", b""),
}


@pytest.mark.alone  # time is measured
@pytest.mark.parametrize("name", DRIPPING)
def test_who_sends_byte_by_byte_takes_no_thread_from_the_others(server: Running, name: str) -> None:
    """More of them than there are threads."""
    with contextlib.ExitStack() as opened:
        links = [opened.enter_context(socket.create_connection(("127.0.0.1", server.port), SECONDS)) for _ in range(24)]
        for link in links:
            link.sendall(DRIPPING[name])
        for _ in range(8):
            for link in links:
                with contextlib.suppress(OSError):  # refused already
                    link.send(b"a")
            began = time.monotonic()
            assert server.ask(PRIYA, '{"row_limit": 1}')[0] == 200
            assert time.monotonic() - began < SOON_SECONDS
            time.sleep(0.1)


@pytest.mark.alone  # time is measured
def test_a_flood_of_last_chunks_keeps_nobody_waiting(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as link:
        link.sendall(build(CHUNKED, b"", token=b""))
        link.sendall(b"0\r\n" * 21_700)
        began = time.monotonic()
        assert server.ask(PRIYA, '{"row_limit": 1}')[0] == 200
        assert time.monotonic() - began < SOON_SECONDS


def test_what_comes_behind_a_request_that_was_cut_short_is_no_request(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as link:
        link.sendall(build(b"Content-Length: 200000\r\n", b"", token=b""))
        time.sleep(0.3)
        with contextlib.suppress(OSError):
            link.sendall(b"x\r\n\r\n")
            time.sleep(0.3)
            link.sendall(NEXT)
        [(status, headers, _)] = split_answers(b"".join(iter(lambda: receive(link), b"")))
    assert (status, headers["Connection"]) == (413, "close")


@pytest.mark.parametrize("wait_seconds", [0, 0.2])
def test_a_head_that_is_too_long_is_refused(server: Running, wait_seconds: float) -> None:
    head = build(b"".join(b"X%d: %s\r\n" % (i, b"a" * 8000) for i in range(5)) + LENGTH)
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as link:
        link.sendall(head[:20_000])
        time.sleep(wait_seconds)
        link.sendall(head[20_000:])
        received = b"".join(iter(lambda: receive(link), b""))
    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert received.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("line", "length", "told", "expected"),
    [(LINE, 16, 1, b"200"), (LINE.replace(b"1.1", b"1.0"), 16, 0, b"200"), (LINE, 70_000, 0, b"413")],
)
def test_who_waits_to_be_told_to_send_a_body_is_told_once(
    server: Running, line: bytes, length: int, told: int, expected: bytes
) -> None:
    extra = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n" % length
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as link:
        link.sendall(build(extra, b"", line=line))
        if told:
            assert link.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        if length == len(BODY):
            link.sendall(BODY)
        received = b"".join(iter(lambda: receive(link), b""))
    assert received.split(b" ", 2)[1] == expected
    assert b" 100 Continue" not in received


def test_a_body_that_is_too_long_is_no_request(server: Running) -> None:
    [(status, headers, body)] = talk(server, build(b"Content-Length: 70000\r\n", (NEXT * 2000)[:70_000]) + LAST)
    check_shape(status, headers, body)
    assert status == 413


def test_what_was_refused_is_in_the_log_by_its_rule_alone(server: Running) -> None:
    talk(server, REFUSED["no colon"], ends=True)
    wait_until(lambda: "InvalidHeader" in server.read_log())
    assert list(find_leaks(server.read_log())) == []
    assert "unforeseen" not in server.read_log()


def test_the_document_is_true(server: Running, tmp_path: Path) -> None:
    command = [
        *(
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(Path(__file__).with_name("schemathesis.toml")),
        ),
        *("run", f"http://127.0.0.1:{server.port}/openapi.json", "--header", TOKEN.decode().strip()),
        *("--checks", "all", "--max-examples", CASES, "--mode", "all", "--seed", "1", "--no-color"),
    ]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "unforeseen" not in server.read_log()
