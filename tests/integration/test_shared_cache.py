"""nginx in front of the service: it keeps no answer for another caller, and its default buffers take every head."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.proxies import PROGRAMS, Proxy, Writer, write_caching_nginx
from tests.support.running import SECONDS, Running, wait_until
from tests.support.shop import MARCUS, PATH, PRIYA, TOM

LONGEST_HEAD = 3900
MANY_UNKNOWN = json.dumps({f"unknown_{number:04}": 1 for number in range(2000)})
ONE_UNKNOWN = json.dumps({"x" * 60_000: 1})
# With these settings the values of the headers are as long as any.
LONG_VALUES = {"TICKITI_RATE_LIMIT": "999999999/day", "TICKITI_CACHE_TTL_SECONDS": "86400"}

pytestmark = pytest.mark.skipif(PROGRAMS["nginx"] is None, reason="no nginx: what it keeps was not seen")


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("service") / "log"
    started = Running(shop_pair.standby.url_for(READER), log, **LONG_VALUES)
    try:
        wait_until(started.is_up)
        yield started
    finally:
        started.end()


@contextlib.contextmanager
def serve(running: Running, directory: Path, write: Writer | None = None) -> Iterator[Proxy]:
    with Proxy("nginx", directory, [running], write) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def cache(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with serve(running, tmp_path_factory.mktemp("cache"), write_caching_nginx) as proxy:
        yield proxy


def ask(
    port: int,
    token: str | None = None,
    body: str = "{}",
    *,
    method: str = "POST",
    path: str = PATH,
    request_id: str = "x",
) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body of an answer."""
    headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as link:
        link.request(method, path, body if method == "POST" else None, headers)
        response = link.getresponse()
        return response.status, dict(response.getheaders()), response.read()


@pytest.mark.parametrize("body", ["{}", '{"row_limit": 7}', '{"perspective_id": 3}'])
def test_a_cache_gives_nobody_anothers_answer(running: Running, cache: Proxy, body: str) -> None:
    for token in (TOM, MARCUS, PRIYA, "nonsense", None, TOM):
        straight, through = ask(running.port, token, body), ask(cache.port, token, body)
        assert (through[0], through[2]) == (straight[0], straight[2])
        assert through[1]["X-Proxy-Cache"] == "MISS"
    assert ask(cache.port, TOM, body)[0] == 200
    assert ask(cache.port, None, body)[0] == 401


def test_a_cache_gives_no_refusal_to_who_is_let_in(cache: Proxy) -> None:
    body = '{"row_limit": 11}'
    assert [ask(cache.port, token, body)[0] for token in (None, "nonsense", TOM)] == [401, 401, 200]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", PATH, "", 405),
        ("HEAD", PATH, "", 405),
        ("GET", "/nowhere", "", 404),
        ("POST", "/api/v1/nowhere", "{}", 404),
        ("GET", "/openapi.json", "", 200),
        ("GET", "/docs", "", 200),
        ("GET", "/docs/assets/nothing.js", "", 404),
        ("POST", PATH, "{", 400),
        ("POST", PATH, "[1]", 422),
        ("POST", PATH, '{"perspective_id": 987654321}', 404),
    ],
)
def test_a_cache_keeps_nothing_else_either(cache: Proxy, method: str, path: str, body: str, status: int) -> None:
    answers = [ask(cache.port, TOM, body, method=method, path=path) for _ in "12"]
    assert [answer[0] for answer in answers] == [status] * 2
    assert [headers["X-Proxy-Cache"] for _, headers, _ in answers] == ["MISS"] * 2
    assert {headers["Cache-Control"] for _, headers, _ in answers} == {"no-store"}


def test_a_cache_may_keep_the_files_of_the_docs_page(cache: Proxy) -> None:
    status, headers, _ = ask(cache.port, method="GET", path="/docs/assets/swagger-ui.css")
    assert (status, headers["Cache-Control"]) == (200, "no-cache")
    assert "ETag" in headers


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_answer_of_the_operations_port_may_be_kept(running: Running, method: str, path: str) -> None:
    _, headers, _ = ask(running.admin_port, method=method, path=path)
    assert headers["Cache-Control"] == "no-store"
    if headers["Content-Type"] != "text/plain; version=0.0.4; charset=utf-8":
        assert headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("body", [MANY_UNKNOWN, ONE_UNKNOWN], ids=["many names", "a long name"])
def test_the_longest_head_fits(running: Running, body: str) -> None:
    for _ in "12":  # a miss, then a hit
        status, headers, _ = ask(running.port, PRIYA, body, request_id="x" * 128)
        assert status == 200
        assert headers["X-Ignored-Params"].endswith("...")
        assert headers.keys() >= {"X-Data-As-Of", "Server-Timing", "RateLimit-Reset", "Cache-Status", "Cache-Control"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        assert len(f"HTTP/1.1 200 OK\r\n{head}\r\n") < LONGEST_HEAD
    rest = sum(len(f"{name}: {value}\r\n") for name, value in headers.items() if name != "X-Ignored-Params")
    assert rest + 200 < LONGEST_HEAD - 2100  # there is room for longer times and limits than today's


@pytest.mark.parametrize("body", [MANY_UNKNOWN, ONE_UNKNOWN], ids=["many names", "a long name"])
def test_a_proxy_with_default_buffers_takes_the_longest_head(running: Running, tmp_path: Path, body: str) -> None:
    with serve(running, tmp_path / "nginx") as proxy:
        assert ask(proxy.port, PRIYA, body, request_id="x" * 128)[0] == 200
