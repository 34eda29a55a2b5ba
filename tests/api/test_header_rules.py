"""Cache-Control and Content-Type of what the API port answers beside the API, and the bound of X-Ignored-Params."""

from collections.abc import Iterator

import pytest

from tests.support.client import PATH, Client, open_client
from tickiti_query.http.request_context import join_bounded

JSON = "application/json; charset=utf-8"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with open_client(monkeypatch, rate_limit="100/hour") as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/openapi.json", 200, JSON),
        ("HEAD", "/openapi.json", 200, JSON),
        ("POST", "/openapi.json", 405, JSON),
        ("GET", "/docs", 200, "text/html; charset=utf-8"),
        ("PUT", "/docs", 405, JSON),
        ("GET", "/docs/assets/nothing.css", 404, JSON),
        ("GET", "/nowhere", 404, JSON),
        ("GET", PATH, 405, JSON),
        ("OPTIONS", PATH, 405, JSON),
    ],
)
def test_nothing_may_be_kept(client: Client, method: str, path: str, status: int, kind: str) -> None:
    response = client.ask(method=method, path=path)
    assert (response.status_code, response.content_type) == (status, kind)
    assert response.headers.getlist("Cache-Control") == ["no-store"]


@pytest.mark.parametrize("path", ["/docs/assets/swagger-ui.css", "/favicon.ico"])
def test_files_may_be_kept(client: Client, path: str) -> None:
    response = client.ask(method="GET", path=path)
    assert response.status_code == 200
    assert response.headers.getlist("Cache-Control") == ["no-cache"]
    response.close()


def test_an_answer_has_one_header_of_each_name(client: Client) -> None:
    for response in (client.ask({}), client.ask({}), client.ask({"row_limit": 0}), client.ask(token=None)):
        names = [name.lower() for name, _ in response.headers]
        assert len(names) == len(set(names))
        assert response.content_type == JSON


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("a", "b"), "a,b"),
        (("x" * 2048,), "x" * 2048),
        (("x" * 2049,), "..."),
        (("a", "x" * 2048), "a,..."),
        (("x" * 2047, "b"), "x" * 2047 + ",..."),
    ],
)
def test_ignored_names_are_whole_or_left_out(names: tuple[str, ...], text: str) -> None:
    assert join_bounded(names) == text
