"""The edge: one look at each request, hits without Flask, and everything else with it; whose address counts."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import request_started

import app as composition
from tests.support.client import PATH, Client, open_client
from tickiti_query.admission.rate_limit import normalize_address
from tickiti_query.http.body import make_body_parser
from tickiti_query.http.edge import NO_ADDRESS, find_address, read_body
from tickiti_query.http.error_answer import name_status
from tickiti_query.model.errors import PayloadTooLarge
from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.request import LONGEST_BODY
from tickiti_query.model.token import is_listed, read_credentials

BODY = {"perspective_id": 1}


class Calls:
    """Counts of what the edge had done for it."""

    def __init__(self) -> None:
        self.hashed = 0
        self.parsed = 0
        self.flask = 0


@contextmanager
def open_counted(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[tuple[Client, Calls]]:
    """Yield a client of the whole app, and counts of token digests, of parsed bodies and of requests in Flask."""
    calls = Calls()

    def count_digest(header: str | None) -> Any:
        calls.hashed += 1
        return read_credentials(header)

    def make_counted_parser(*limits: int) -> Any:
        parse = make_body_parser(*limits)

        def count_parsed(raw: bytes | None, content_type: str) -> TicketQuery:
            calls.parsed += 1
            return parse(raw, content_type)

        return count_parsed

    def count_request(_app: Any, **_: Any) -> None:
        calls.flask += 1

    monkeypatch.setattr("tickiti_query.http.edge.read_credentials", count_digest)
    monkeypatch.setattr(composition, "make_body_parser", make_counted_parser)
    with open_client(monkeypatch, **settings) as client, request_started.connected_to(count_request, client.app):
        yield client, calls


def test_a_cold_request_enters_flask_and_a_hit_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch) as (client, calls):
        cold = client.ask(BODY)
        assert (cold.status_code, calls.flask) == (200, 1)
        hit = client.ask(BODY)
        assert (hit.status_code, calls.flask) == (200, 1)
    assert "hit" in hit.headers["Cache-Status"]
    assert hit.data == cold.data


def test_a_request_that_is_read_again_by_its_plan_does_not_enter_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch, cache_ttl_seconds=0) as (client, calls):
        assert [client.ask(BODY).status_code for _ in range(2)] == [200, 200]
        assert calls.flask == 1
    assert client.replica.reads == 2  # the fake says that no precondition holds


@pytest.mark.parametrize("ask", [{"path": "/openapi.json", "method": "GET"}, {"method": "GET"}, {"path": "/nowhere"}])
def test_what_is_no_post_to_the_path_enters_flask(monkeypatch: pytest.MonkeyPatch, ask: dict[str, str]) -> None:
    with open_counted(monkeypatch) as (client, calls):
        client.ask(**ask)  # type: ignore[arg-type]
        assert (calls.flask, calls.hashed, calls.parsed) == (1, 0, 0)


def test_an_error_that_the_edge_finds_does_not_enter_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch) as (client, calls):
        assert client.ask(raw=b" " * (LONGEST_BODY + 1)).status_code == 413
        assert calls.flask == 0


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_each_request_has_its_token_hashed_once_and_its_body_parsed_at_most_once(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    with open_counted(monkeypatch, cache_ttl_seconds=30) as (client, calls):
        for number in (1, 2, 3):  # a cold one, and two hits
            assert client.ask(BODY, path=path).status_code == 200
            assert (calls.hashed, calls.parsed) == (number, number)


def test_a_caller_who_is_not_let_in_has_no_body_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_counted(monkeypatch) as (client, calls):
        assert client.ask(raw=b"{", token="Bearer 1|wrong").status_code == 401
        assert (calls.hashed, calls.parsed) == (1, 0)


class Input:
    """A body that the server hands out; `fault` is what it raises instead."""

    def __init__(self, body: bytes, fault: Exception | None = None) -> None:
        self._body = body
        self._fault = fault

    def read(self, length: int) -> bytes:
        if self._fault:
            raise self._fault
        return self._body[:length]


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"CONTENT_LENGTH": "2"}, b"{}", b"{}"),
        ({"CONTENT_LENGTH": "2"}, b"{} and the next request", b"{}"),
        ({"CONTENT_LENGTH": "9"}, b"{}", None),
        ({"CONTENT_LENGTH": ""}, b"", b""),
        ({}, b"", b""),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, b"{}", b"{}"),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "999999"}, b"{}", b"{}"),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, b" " * LONGEST_BODY, b" " * LONGEST_BODY),
    ],
)
def test_a_body_is_read_to_its_end(headers: dict[str, str], body: bytes, expected: bytes | None) -> None:
    assert read_body({**headers, "wsgi.input": Input(body)}) == expected


def test_a_body_that_the_server_cannot_read_is_no_error_yet() -> None:
    assert read_body({"CONTENT_LENGTH": "2", "wsgi.input": Input(b"", OSError("broken chunks"))}) is None


@pytest.mark.parametrize("headers", [{"CONTENT_LENGTH": str(LONGEST_BODY + 1)}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_a_body_that_is_too_long_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PayloadTooLarge):
        read_body({**headers, "wsgi.input": Input(b" " * (LONGEST_BODY + 1))})


def test_a_status_has_its_name() -> None:
    assert name_status(404) == "404 Not Found"


# X-Forwarded-For as proxies write it, compared with Symfony's own reading of it, which is Tickiti's.
PROXIES = ["192.0.2.1", "198.51.100.7"]  # the nearest first
SYMFONY = Path("/usr/share/php/Symfony/Component/HttpFoundation/autoload.php")  # Debian: php-symfony-http-foundation
V4, V6 = "203.0.113.9", "2001:db8::1"

# X-Forwarded-For, how many proxies are trusted, a token's allowed_ip, whether the caller may use the token
HEADERS: list[tuple[str, int, str, bool]] = [
    ("203.0.113.9", 1, V4, True),
    ("203.0.113.9:51234", 1, V4, True),  # Azure Application Gateway, IIS
    ("203.0.113.9:51234", 1, "203.0.113.0/24", True),
    ("203.0.113.9:51234", 1, "10.0.0.0/8, 203.0.113.0/24", True),
    ("203.0.113.8:51234", 1, V4, False),
    ("203.0.113.9:1", 1, "203.0.113.91", False),
    ("2001:db8::1", 1, V6, True),
    ("2001:DB8:0:0:0:0:0:1", 1, V6, True),
    ("[2001:db8::1]", 1, V6, True),
    ("[2001:db8::1]:443", 1, V6, True),
    ("[2001:db8::1]:443", 1, "2001:db8::/32", True),
    ("[2001:db8::2]:443", 1, V6, False),
    ("198.51.100.200, 203.0.113.9:51234", 1, V4, True),
    ("198.51.100.200,203.0.113.9:51234", 1, V4, True),
    ("203.0.113.9:51234, 198.51.100.7", 2, V4, True),
    ("203.0.113.9:51234, 198.51.100.7:40000", 2, V4, True),
    ("[2001:db8::1]:51234, 198.51.100.7:40000", 2, V6, True),
    ("10.1.2.3, 203.0.113.9:51234, 198.51.100.7:40000", 2, V4, True),
    ("203.0.113.9:51234, 10.1.2.3:80, 198.51.100.7:40000", 2, V4, False),
    ("unknown", 1, V4, False),
    ("_hidden", 1, V4, False),
    ("for=203.0.113.9", 1, V4, False),
    ('"203.0.113.9"', 1, V4, False),
    ('"[2001:db8::1]:443"', 1, V6, False),
    ("shop.example:443", 1, V4, False),
    ("203.0.113.009:443", 1, V4, False),
    ("[203.0.113.9]:443", 1, V4, False),
    ("fe80::1%eth0", 1, "fe80::/10", False),
    ("[fe80::1%eth0]:443", 1, "fe80::/10", False),
]
# IPv6's name for an IPv4 address. Symfony does not compare the two, and takes one with a port for no address.
MAPPED = ["::ffff:203.0.113.9", "::ffff:cb00:7109", "[::ffff:203.0.113.9]", "[::ffff:203.0.113.9]:443"]
# Reads rows of the table as JSON, writes what Symfony says of each.
PHP = """
require $argv[1];
use Symfony\\Component\\HttpFoundation\\{IpUtils, Request};
$answers = [];
foreach (json_decode(stream_get_contents(STDIN)) as [$header, $proxies, $allowed]) {
    Request::setTrustedProxies($proxies, Request::HEADER_X_FORWARDED_FOR);
    $request = new Request([], [], [], [], [], ['REMOTE_ADDR' => '192.0.2.1', 'HTTP_X_FORWARDED_FOR' => $header]);
    $answers[] = IpUtils::checkIp($request->getClientIp(), array_map('trim', explode(',', $allowed)));
}
echo json_encode($answers);
"""


def read_address(forwarded: str, proxies: int = 1) -> str:
    return find_address({"REMOTE_ADDR": PROXIES[0], "HTTP_X_FORWARDED_FOR": forwarded}, proxies)


@pytest.mark.parametrize(("forwarded", "proxies", "allowed_ip", "is_allowed"), HEADERS)
def test_a_callers_address_counts_without_its_port(
    forwarded: str, proxies: int, allowed_ip: str, is_allowed: bool
) -> None:
    assert is_listed(allowed_ip, read_address(forwarded, proxies)) is is_allowed


@pytest.mark.skipif(
    shutil.which("php") is None or not SYMFONY.exists(), reason="no Symfony: the table was not compared with it"
)
def test_symfony_says_the_same() -> None:
    rows = [(forwarded, PROXIES[:proxies], allowed_ip) for forwarded, proxies, allowed_ip, _ in HEADERS]
    ran = subprocess.run(
        ["php", "-r", PHP, "--", str(SYMFONY)], input=json.dumps(rows), capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == [is_allowed for *_, is_allowed in HEADERS], ran.stdout


@pytest.mark.parametrize("forwarded", MAPPED)
@pytest.mark.parametrize("allowed_ip", [V4, "203.0.113.0/24", "::ffff:203.0.113.9"])
def test_a_mapped_address_counts_as_its_ipv4_address(forwarded: str, allowed_ip: str) -> None:
    assert read_address(forwarded) == V4
    assert is_listed(allowed_ip, read_address(forwarded))


def test_the_ports_of_one_caller_share_a_bucket() -> None:
    for forms in (
        [V4, *MAPPED, *(f"{V4}:{port}" for port in range(50_000, 50_024))],
        [V6, f"[{V6}]", *(f"[{V6}]:{port}" for port in range(50_000, 50_024))],
    ):
        assert len({read_address(form) for form in forms}) == 1
        assert len({normalize_address(form) for form in forms}) == 1


@pytest.mark.parametrize("text", ["", "unknown", "_a", "_b:443", "shop.example", "203.0.113.9.1", "x" * 500])
def test_what_is_no_address_fits_no_list_and_shares_one_bucket(text: str) -> None:
    address = read_address(f"{V4}, {text}")
    assert address == NO_ADDRESS
    for allowed_ip in ("0.0.0.0/0", "::/0", text, NO_ADDRESS):
        assert not is_listed(allowed_ip, address)
        assert not is_listed(allowed_ip, text)
    assert normalize_address(address) == normalize_address(text) == normalize_address("")
