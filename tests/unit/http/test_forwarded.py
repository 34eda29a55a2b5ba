"""X-Forwarded-For as proxies write it, compared with Symfony's own reading of it, which is Tickiti's."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tickiti_query.admission.rate_limit import normalize_address
from tickiti_query.http.forwarded import NO_ADDRESS, Forwarded
from tickiti_query.model.token import is_listed

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


def find_address(forwarded: str, proxies: int = 1) -> str:
    """Return the address that the app behind the middleware sees."""
    seen: list[str] = []

    def app(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        return []

    Forwarded(app, proxies)({"REMOTE_ADDR": PROXIES[0], "HTTP_X_FORWARDED_FOR": forwarded}, lambda *_: None)
    return seen[0]


@pytest.mark.parametrize(("forwarded", "proxies", "allowed_ip", "is_allowed"), HEADERS)
def test_a_callers_address_counts_without_its_port(
    forwarded: str, proxies: int, allowed_ip: str, is_allowed: bool
) -> None:
    assert is_listed(allowed_ip, find_address(forwarded, proxies)) is is_allowed


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
    assert find_address(forwarded) == V4
    assert is_listed(allowed_ip, find_address(forwarded))


def test_the_ports_of_one_caller_share_a_bucket() -> None:
    for forms in (
        [V4, *MAPPED, *(f"{V4}:{port}" for port in range(50_000, 50_024))],
        [V6, f"[{V6}]", *(f"[{V6}]:{port}" for port in range(50_000, 50_024))],
    ):
        assert len({find_address(form) for form in forms}) == 1
        assert len({normalize_address(form) for form in forms}) == 1


@pytest.mark.parametrize("text", ["", "unknown", "_a", "_b:443", "shop.example", "203.0.113.9.1", "x" * 500])
def test_what_is_no_address_fits_no_list_and_shares_one_bucket(text: str) -> None:
    address = find_address(f"{V4}, {text}")
    assert address == NO_ADDRESS
    for allowed_ip in ("0.0.0.0/0", "::/0", text, NO_ADDRESS):
        assert not is_listed(allowed_ip, address)
        assert not is_listed(allowed_ip, text)
    assert normalize_address(address) == normalize_address(text) == normalize_address("")
