"""/openapi.json and /docs: complete, consistent with the routes, and nothing from elsewhere."""

import json
import re
from collections.abc import Iterator
from typing import Any

import marshmallow
import pytest
import schemathesis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import app as composition
from app import create_service
from config.settings import Settings
from tests.support.documents import read_document
from tests.support.fake_replica import FakeReplica
from tests.support.openapi import PATH, Document
from tickiti_query.catalogue.fields import CORE, FIELDS, MODES
from tickiti_query.http.error_answer import write_error_answer
from tickiti_query.http.openapi import ERRORS
from tickiti_query.model import errors
from tickiti_query.model.errors import QueryError


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    settings = Settings(replica_url="postgresql://nobody@/nothing", max_row_limit=77)
    return create_service(settings).app.test_client()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> Document:
    return Document(client.get("/openapi.json").get_json())


@pytest.fixture
def replica(monkeypatch: pytest.MonkeyPatch) -> FakeReplica:
    replica = FakeReplica()
    monkeypatch.setattr(composition, "Replica", lambda target, **_: replica)
    return replica


@pytest.fixture
def answering(replica: FakeReplica) -> FlaskClient:
    """A client of the service over a replica that is made up."""
    return create_service(Settings(replica_url="postgresql://nobody@/nothing")).app.test_client()


def ask(
    client: FlaskClient,
    body: Any = None,
    *,
    raw: bytes | None = None,
    token: str = "1|reader",
    method: str = "POST",
    content_type: str = "application/json",
) -> TestResponse:
    return client.open(
        PATH,
        method=method,
        data=json.dumps(body or {}) if raw is None else raw,
        headers={"Authorization": f"Bearer {token}"},
        content_type=content_type,
    )


def test_the_document_describes_the_one_operation(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.")
    assert list(document["paths"]) == ["/api/v1/tickets/query"]
    operation = document["paths"]["/api/v1/tickets/query"]["post"]
    assert set(operation["responses"]) >= {
        "200", "400", "401", "403", "404", "413", "415", "422", "500", "501", "503", "504",
    }  # fmt: skip
    assert operation["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "id|secret",
        "description": "An API token of Tickiti, as Tickiti shows it when it is made: `id|secret`.",
    }


def test_the_document_knows_this_installs_row_limit(client: FlaskClient) -> None:
    schemas = client.get("/openapi.json").get_json()["components"]["schemas"]
    limits = [schema["properties"]["row_limit"] for schema in schemas.values() if "row_limit" in schema["properties"]]
    assert [(limit["minimum"], limit["maximum"]) for limit in limits] == [(1, 77)]


def test_every_reference_in_the_document_leads_somewhere(client: FlaskClient) -> None:
    text = client.get("/openapi.json").text
    document = client.get("/openapi.json").get_json()
    for section, name in re.findall(r'"#/components/(\w+)/([\w-]+)"', text):
        assert name in document["components"][section]


def test_every_component_is_referred_to(client: FlaskClient) -> None:
    text = client.get("/openapi.json").text
    components = client.get("/openapi.json").get_json()["components"]
    for section in ("schemas", "headers"):
        for name in components[section]:
            assert f'"#/components/{section}/{name}"' in text
    assert components.keys() == {"schemas", "headers", "securitySchemes"}


def test_every_search_mode_is_described(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    for mode in MODES:
        assert f"`{mode}`" in document["info"]["description"]
    assert document["components"]["schemas"]["Criterion"]["properties"]["mode"]["enum"] == sorted(MODES)


def test_the_page_takes_its_assets_from_this_service(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.content_type.startswith("text/html")
    links = re.findall(r'<a href="([^"]+)"', page.text)
    assert all(link == "/openapi.json" or f'id="{link.removeprefix("#")}"' in page.text for link in links)
    assets = re.findall(r'<(?!a )[^>]*(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/docs/assets/")
        response = client.get(asset)
        assert response.status_code == 200
        response.close()
    assert not re.findall(r"https?://", page.text)


def test_the_document_is_valid_openapi_3(client: FlaskClient) -> None:
    schemathesis.openapi.from_dict(client.get("/openapi.json").get_json()).validate()


def list_parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from list_parts(inner)
    if isinstance(value, dict):
        yield value


def test_nothing_is_null_by_default(document: Document) -> None:
    assert [part for part in list_parts(document.document) if part.get("default", "") is None] == []


def test_every_example_is_as_the_document_says(document: Document) -> None:
    components = document.document["components"]
    for schema in components["schemas"].values():
        for part in schema["properties"].values():
            if "example" in part:
                assert list(document.find_faults(part, part["example"])) == []
    for header in components["headers"].values():
        assert list(document.find_faults(header["schema"], header["example"])) == []
    bodies = [document.operation["requestBody"], *document.operation["responses"].values()]
    for content in (body["content"]["application/json"] for body in bodies):
        examples = [each["value"] for each in content.get("examples", {}).values()]
        for example in examples or [content["example"]]:
            assert list(document.find_faults(content["schema"], example)) == []


BODIES: list[tuple[Any, bool]] = [
    ({}, True),
    ({"perspective_id": 3, "row_limit": 77, "colour": 1}, True),
    ({"perspective_id": "3", "search_object": {"search_perspective_id": "18446744073709551616"}}, True),
    ({"perspective_id": None, "search_object": None, "row_limit": None}, True),
    ({"search_object": {"search_perspective": None, "search_perspective_id": None, "criteria": None}}, True),
    ({"search_object": {"criteria": [{"mode": "watchlist", "tokens": [1, "2"], "match": None}]}}, True),
    ({"perspective_id": "x"}, False),
    ({"perspective_id": 1.5}, False),
    ({"perspective_id": True}, False),
    ({"row_limit": 0}, False),
    ({"row_limit": 78}, False),
    ({"search_object": 1}, False),
    ({"search_object": {"search_perspective": 1}}, False),
    ({"search_object": {"criteria": [{"mode": "moon", "tokens": ["x"]}]}}, False),
    ({"search_object": {"criteria": [{"mode": "subject"}]}}, False),
    ({"search_object": {"criteria": [{"mode": "subject", "tokens": []}]}}, False),
    ({"search_object": {"criteria": [{"mode": "subject", "tokens": [None]}]}}, False),
    ({"search_object": {"criteria": [{"mode": "subject", "tokens": ["x"], "match": "some"}]}}, False),
    ([], True),
    ({"search_object": []}, True),
    ({"search_object": [[]]}, False),
    ({"search_object": {"criteria": [[]]}}, False),
    ([[]], False),
    ([1], False),
    (None, False),
]


@pytest.mark.parametrize(("body", "is_right"), BODIES)
def test_the_document_and_the_service_agree_on_bodies(
    document: Document, replica: FakeReplica, body: Any, is_right: bool
) -> None:
    schema = document.operation["requestBody"]["content"]["application/json"]["schema"]
    assert (not list(document.find_faults(schema, body))) is is_right
    settings = Settings(replica_url="postgresql://nobody@/nothing", max_row_limit=77, default_row_limit=77)
    client = create_service(settings).app.test_client()
    assert (ask(client, raw=json.dumps(body).encode()).status_code in {200, 404}) is is_right


def test_every_column_is_in_the_document_with_an_example(document: Document) -> None:
    row = document.document["components"]["schemas"]["TicketRow"]
    columns = {field.name for field in FIELDS.values() if field.column}
    assert row["properties"].keys() == columns
    assert set(row["required"]) == set(CORE)
    assert row["additionalProperties"] is False
    assert all("example" in column for column in row["properties"].values())


def list_errors(kind: type[QueryError] = QueryError) -> set[type[QueryError]]:
    return {kind}.union(*map(list_errors, kind.__subclasses__()))


def test_every_error_is_in_the_document_under_its_own_status(document: Document) -> None:
    described = {type(error) for error, _ in ERRORS}
    assert described == list_errors() - {errors.TransientError}
    codes = {
        (int(status), code)
        for status, response in document.operation["responses"].items()
        for code in response["content"]["application/json"].get("examples", {})
    }
    assert codes == {(error.status, error.code) for error, _ in ERRORS}
    other = json.dumps({"ok": False, "error": "not_found", "message": "x"}).encode()
    for status in document.operation["responses"]:
        assert bool(list(document.find_body_faults(int(status), other))) is (status != "404")


def test_every_header_of_the_reference_is_in_the_document(document: Document) -> None:
    section = read_document("docs/api.md").text.partition("## Answer")[2].partition("## Tokens")[0]
    named = set(re.findall(r"`((?:X|Cache|Server|RateLimit|Retry|WWW)-[A-Za-z-]+|Allow)", section))
    assert named == document.document["components"]["headers"].keys()


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("malformed_json", {"raw": b"{"}),
    ("unauthenticated", {"token": "1|wrong"}),
    ("forbidden", {"token": "2|blunt"}),
    ("forbidden", {"token": "3|elsewhere"}),
    ("not_found", {"body": {"perspective_id": 4}}),
    ("method_not_allowed", {"method": "GET"}),
    ("payload_too_large", {"raw": b" " * 70_000}),
    ("unsupported_media_type", {"content_type": "text/plain"}),
    ("validation_failed", {"body": {"row_limit": "1", "search_object": {"criteria": [{}]}}}),
    ("unsupported_perspective", {"body": {"perspective_id": 9}}),
]


@pytest.mark.parametrize(("code", "sent"), REFUSED)
def test_every_refusal_is_as_the_document_says(
    document: Document, answering: FlaskClient, code: str, sent: dict[str, Any]
) -> None:
    answer = ask(answering, **sent)
    assert json.loads(answer.data)["error"] == code
    document.check(answer)


@pytest.mark.parametrize(
    "fault",
    [
        errors.ReplicaUnavailable(),
        errors.Overloaded(),
        errors.QueryTimeout(),
        errors.QueryError(),
        RuntimeError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("where", ["observe_fault", "read_fault"])
def test_every_fault_is_as_the_document_says(
    document: Document, replica: FakeReplica, answering: FlaskClient, where: str, fault: Exception
) -> None:
    setattr(replica, where, fault)
    answer = ask(answering)
    assert answer.status_code >= 500
    document.check(answer)


def test_an_answer_over_the_rate_is_as_the_document_says(document: Document, replica: FakeReplica) -> None:
    settings = Settings(replica_url="postgresql://nobody@/nothing", rate_limit="1/minute")
    client = create_service(settings).app.test_client()
    first, second = ask(client), ask(client)
    assert [first.status_code, second.status_code] == [200, 429]
    document.check(first)
    document.check(second)


def test_a_request_that_is_cut_is_answered_as_the_document_says(document: Document) -> None:
    head, _, body = write_error_answer(errors.RequestTimeout(), "abc").partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert headers.pop("Connection") == "close"
    assert list(document.find_body_faults(408, body)) == []
    assert list(document.find_header_faults(408, headers)) == []


def test_rows_and_ignored_fields_are_as_the_document_says(document: Document, answering: FlaskClient) -> None:
    for cache in ("miss", "hit"):
        answer = ask(answering, {"page": 2, "search_object": {"sort": "x"}})
        assert cache in answer.headers["Cache-Status"]
        document.check(answer)


def test_describing_the_responses_costs_a_request_nothing(
    answering: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = answering.application.view_functions["tickets.query_tickets"]
    assert not hasattr(view, "__wrapped__")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a schema dumped an answer")

    monkeypatch.setattr(marshmallow.Schema, "dump", refuse)
    answers = [ask(answering), ask(answering), ask(answering, token="1|wrong")]
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert all(not {"ETag", "X-Pagination"} & {*answer.headers.keys()} for answer in answers)
