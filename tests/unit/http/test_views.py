"""Flask's part of the API: who answers what, and how an error of Flask's own is told."""

from collections.abc import Iterator

import pytest
from werkzeug import exceptions

from tests.support.client import PATH, Client, check_error, open_client
from tickiti_query.http.views import translate_http
from tickiti_query.model import errors


@pytest.fixture(name="client")
def open_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with open_client(monkeypatch) as opened:
        yield opened


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (exceptions.NotFound(), errors.NotFound),
        (exceptions.RequestEntityTooLarge(), errors.PayloadTooLarge),
        (exceptions.MethodNotAllowed(valid_methods=["POST"]), errors.MethodNotAllowed),
        (exceptions.BadRequest(), errors.MalformedJson),
        (exceptions.RequestHeaderFieldsTooLarge(), errors.MalformedJson),
    ],
)
def test_an_error_of_flasks_becomes_one_of_ours(
    raised: exceptions.HTTPException, expected: type[errors.QueryError]
) -> None:
    assert type(translate_http(raised)) is expected


def test_a_method_that_is_not_allowed_names_those_that_are(client: Client) -> None:
    response = client.ask(method="PUT")
    check_error(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", [PATH, "/nowhere", "/openapi.json"])
def test_every_answer_has_an_id_and_one_line_in_the_log(client: Client, path: str) -> None:
    response = client.ask(path=path, method="GET", headers={"X-Request-ID": "mine"})
    assert response.headers.getlist("X-Request-ID") == ["mine"]
    [line] = client.lines
    assert (line["request_id"], line["path"], line["status"]) == ("mine", path, response.status_code)


def test_a_failure_that_nobody_foresaw_is_a_500_in_our_shape(client: Client) -> None:
    client.replica.read_fault = KeyError("a detail")
    response = client.ask()
    check_error(response, 500, "internal_error")
    assert "a detail" not in response.text


@pytest.mark.parametrize("headers", [{"Host": "[[ /..@"}, {"Upgrade": "websocket", "Connection": "Upgrade"}])
def test_neither_the_name_we_are_called_by_nor_an_offer_of_another_protocol_counts(
    client: Client, headers: dict[str, str]
) -> None:
    assert client.ask({"perspective_id": 1}, headers=headers).status_code == 200
